"""Parameter groups: a learning-rate factor and freezing for a subset of variables.

Overrides private methods of Keras's optimizers; tried with Keras 3.15, and `test_parameter_groups.py` notices changes.
"""

import keras
from keras import ops


class ParameterGroupMixin:
    """Mixin of optimizers, before Keras's class in the list of bases.

    The optimizer is built over all variables, and may then be applied to the trainable ones alone: the state of frozen
    variables stays. Decoupled weight decay is proportional to the learning rate, so it has the factor as well.

    Attributes:
        group: frozenset, keys of the variables in the group; empty by default.
        factor: float, of the group's learning rate. It scales the update, because RMSprop and Adam cancel factors of
            the gradient.
        frozen_updates: int, updates that the group has missed. Adam's bias correction depends on the number of updates
            that a variable had.
    """

    group, factor, frozen_updates = frozenset(), 1.0, 0

    @property
    def built_variables(self):
        """All variables that the optimizer was built over, frozen ones included."""
        return self._trainable_variables

    def set_parameter_group(self, variables, factor):
        """Puts variables into the group and sets the factor of their learning rate."""
        self.group, self.factor = frozenset(map(self._var_key, variables)), factor

    def _in_group(self, variable):
        return self._var_key(variable) in self.group

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        pairs = list(zip(grads, trainable_variables))
        for in_group, factor in ((False, None), (True, self._update_factor())):
            selected = [pair for pair in pairs if self._in_group(pair[1]) == in_group]
            if selected:
                rate = learning_rate if factor is None else ops.convert_to_tensor(learning_rate) * factor
                super()._backend_update_step(*map(list, zip(*selected)), rate)

    def _update_factor(self):
        """Returns the group's factor, in Adam with the bias correction for its own number of updates; None for 1."""
        if not self.frozen_updates or not hasattr(self, "beta_1"):
            return self.factor if self.factor != 1.0 else None
        step = ops.cast(self.iterations + 1, "float32")
        return self.factor * self._bias_correction(step - self.frozen_updates) / self._bias_correction(step)

    def _bias_correction(self, step):
        return ops.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)

    def _apply_weight_decay(self, variables):
        if self.weight_decay is None or self.factor == 1.0:
            super()._apply_weight_decay(variables)
            return
        super()._apply_weight_decay([variable for variable in variables if not self._in_group(variable)])
        for variable in variables:
            if self._in_group(variable) and self._use_weight_decay(variable):
                share = ops.convert_to_tensor(self.learning_rate) * self.weight_decay * self.factor
                variable.assign(variable - variable * ops.cast(share, variable.dtype))

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """Applies gradients on JAX, as Keras's method; `trainable_variables` may lack the frozen ones."""
        trained = [variable for variable in self.built_variables if variable.trainable]
        if len(trainable_variables) != len(trained):
            trained = self.built_variables
        mapping = [*zip(trained, trainable_variables), *zip(self.variables, optimizer_variables)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.apply(grads, trained)
        current = scope.get_current_value
        return [current(variable) for variable in trained], [current(variable) for variable in self.variables]


def inner_optimizer(optimizer):
    """Returns the optimizer inside a `LossScaleOptimizer` (float16), or the optimizer itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)
