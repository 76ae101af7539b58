"""Optimizers that treat one part of a network apart: a learning rate of its own, and a time in which it is frozen."""

import keras
from keras import ops


class ParameterGroupMixin:
    """Mixin of Keras's optimizers, before them in the list of bases.

    It is built over all variables, and may then be applied to those alone whose `trainable` is true: the state of the
    others waits. Decoupled weight decay is a share of the learning rate, and so has the part's factor as well.

    Attributes:
        part: frozenset, keys of the variables that make the part; empty by default.
        factor: float, of the part's learning rate. It scales the update, for RMSprop and Adam undo what is done to
            gradients.
        frozen_updates: int, updates that the part has missed. Adam divides its averages by what they lack because they
            began at zero; for the part they began later.
    """

    part, factor, frozen_updates = frozenset(), 1.0, 0

    def set_part(self, variables, factor):
        """Makes these variables the part, with this factor of the learning rate."""
        self.part, self.factor = frozenset(map(self._var_key, variables)), factor

    def finalize_variable_values(self, variables):
        """Leaves the weights alone: Keras would put their average in their place after each epoch, for good.

        See `weight_average`.
        """

    def _update_model_variables_moving_average(self, variables):
        # Not of those that are frozen: JAX does not give their values here.
        share = ops.where(ops.equal(self.iterations, 0), 0.0, self.ema_momentum)
        for variable, average in zip(variables, self._model_variables_moving_average):
            if variable.trainable:
                past = ops.cast(share, variable.dtype)
                average.assign(past * average + (1 - past) * variable)

    def _is_apart(self, variable):
        return self._var_key(variable) in self.part

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        pairs = list(zip(grads, trainable_variables))
        for apart, factor in ((False, None), (True, self._update_factor())):
            chosen = [pair for pair in pairs if self._is_apart(pair[1]) == apart]
            if chosen:
                rate = learning_rate if factor is None else ops.convert_to_tensor(learning_rate) * factor
                super()._backend_update_step(*map(list, zip(*chosen)), rate)

    def _update_factor(self):
        """The part's factor; in Adam, with the correction that fits its own number of updates. None for 1."""
        if not self.frozen_updates or not hasattr(self, "beta_1"):
            return self.factor if self.factor != 1.0 else None
        step = ops.cast(self.iterations + 1, "float32")
        return self.factor * self._correction(step - self.frozen_updates) / self._correction(step)

    def _correction(self, step):
        return ops.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)

    def _apply_weight_decay(self, variables):
        if self.weight_decay is None or self.factor == 1.0:
            super()._apply_weight_decay(variables)
            return
        super()._apply_weight_decay([variable for variable in variables if not self._is_apart(variable)])
        for variable in variables:
            if self._is_apart(variable) and self._use_weight_decay(variable):
                share = ops.convert_to_tensor(self.learning_rate) * self.weight_decay * self.factor
                variable.assign(variable - variable * ops.cast(share, variable.dtype))

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """As Keras's, which JAX calls; but the tensors may be those of the trainable variables alone."""
        training = [variable for variable in self._trainable_variables if variable.trainable]
        if len(trainable_variables) != len(training):
            training = self._trainable_variables
        mapping = [*zip(training, trainable_variables), *zip(self.variables, optimizer_variables)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.apply(grads, training)
        current = scope.get_current_value
        return [current(variable) for variable in training], [current(variable) for variable in self.variables]


def by_part(name):
    """The optimizer class `name` of Keras with `ParameterGroupMixin`."""
    kind = type(
        name,
        (ParameterGroupMixin, getattr(keras.optimizers, name)),
        {"__doc__": f"Keras's {name} with `ParameterGroupMixin`."},
    )
    return keras.saving.register_keras_serializable(package="suite")(kind)


def inner_optimizer(optimizer):
    """The optimizer itself, without what scales losses for float16 around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)
