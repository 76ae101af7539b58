"""Launcher of several processes of one command on this machine, with a restart when one is lost.

    python tools/launch_local.py --processes 2 python predict.py --image photos --distribute cluster

Each process finds its number and the address of the first one in the variables of torchrun, see docs/scale.md.
"""

import os
import signal
import socket
import subprocess
import sys
import time

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from utils.cli import Parser
from utils.cli.types import nonnegative_int, positive_int
from utils.errors import INTERRUPTED, PEER_LOST, UsageError, report_errors

PATIENCE = 28.0  # seconds in which the others may notice by themselves that one was lost; they do within 20
KILL = 10.0  # seconds from SIGTERM to SIGKILL after that


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/launch_local.py", description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=positive_int, required=True, metavar="N", help="number of processes")
    parser.add_argument(
        "--restarts",
        type=nonnegative_int,
        default=0,
        metavar="R",
        help="start all again up to R times when one was killed or lost the others; default: 0",
    )
    parser.add_argument("command", nargs="*", help="the command behind these flags, such as python train.py ...")
    return parser


def split_command(words: list[str]) -> tuple[list[str], list[str]]:
    """Splits a command line into the launcher's own flags and the command, which begins with the first other word."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 1 if "=" in words[index] or words[index] in ("-h", "--help") else 2
    return words[:index], words[index:]


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code of the processes."""
    flags, command = split_command(sys.argv[1:] if argv is None else list(argv))
    args = build_parser().parse_args(flags)
    if not command:
        raise UsageError("no command is given; write it behind the flags: --processes 2 python train.py ...")
    for left in range(args.restarts, -1, -1):
        code = Job(command, args.processes).run()
        if code != PEER_LOST or not left:
            return code
        print(f"A process was lost: all {args.processes} start again, {left - 1} restarts left", file=sys.stderr)


class Job:
    """Processes of one command.

    Args:
        command: list of str.
        count: int, the number of processes.
        patience: seconds from the failure of one process until the others are ended.
    """

    def __init__(self, command: list[str], count: int, patience: float = PATIENCE):
        self.command, self.count, self.patience = command, count, patience
        self.processes, self.is_interrupted = [], False

    def run(self) -> int:
        """Runs the processes to their end.

        Ctrl-C and SIGTERM are passed on to all.

        Returns:
            0 if all succeed, else the exit code of the first that fails; `PEER_LOST` if a signal ended it.

        Raises:
            UsageError: if the command cannot be started.
        """
        handlers = {number: signal.signal(number, self._pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._start()
            return self._wait()
        finally:
            for process in self.processes:
                if process.poll() is None:
                    process.kill()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _start(self):
        # The coordinator listens at the port after torchrun's, see utils/cluster.py.
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port() - 1), "WORLD_SIZE": str(self.count)}
        for rank in range(self.count):
            environment = {**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            try:
                # In sessions of their own, so that Ctrl-C reaches them once, through this process.
                process = subprocess.Popen(self.command, env=environment, start_new_session=True)
            except OSError as error:
                raise UsageError(f"cannot start {self.command[0]}: {error.strerror}") from error
            self.processes.append(process)

    def _wait(self):
        """Waits for all; after the first failure, for a limited time."""
        first, end, is_told = None, None, False
        while None in [process.poll() for process in self.processes]:  # polls all, which notices the end of each
            failed = [process for process in self.processes if process.returncode]
            if failed and first is None:
                first, end = failed[0].returncode, time.monotonic() + self.patience
            if end is not None and time.monotonic() > end:
                self._send(signal.SIGKILL if is_told else signal.SIGTERM)
                is_told, end = True, time.monotonic() + KILL
            time.sleep(0.1)
        codes = [process.returncode for process in self.processes if process.returncode]
        code = first if first is not None else next(iter(codes), 0)
        was_killed = code < 0 or not is_told and min(codes, default=0) < 0  # whatever the others made of it
        return INTERRUPTED if self.is_interrupted and code else PEER_LOST if was_killed else code

    def _pass_on(self, number, frame):
        self.is_interrupted = True
        self._send(number)

    def _send(self, number):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(number)


def free_port() -> int:
    """Returns a port of this machine at which nothing listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
