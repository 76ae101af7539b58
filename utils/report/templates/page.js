// The page: theme, sections, navigation.

const root = document.documentElement;
root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
section("theme").addEventListener("click", () => { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; });

drawSummary();
drawTraining();
drawClasses();
drawConfusion();
drawDetails();
drawGallery();

const SHORT = { confusion: "Confusion", details: "Details" };
document.querySelector("nav").append(...[...document.querySelectorAll("main section")].filter(place => !place.hidden)
  .map(place => make("a", { href: `#${place.id}` }, SHORT[place.id] ?? place.querySelector("h2").textContent)));
