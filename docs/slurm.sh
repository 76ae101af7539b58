#!/usr/bin/env bash
# Slurm batch script: trains on two machines of eight GPUs, stops before the time is over, and continues in a new turn.
#
#     sbatch docs/slurm.sh --dataset /shared/CamVid --output_dir /shared/runs --model custom --batch_size 64
#
#SBATCH --job-name=segmentation
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append

RESTARTS=20  # after losses of a machine; a process that fails at every start must not be tried forever
export KERAS_BACKEND=jax
stopped=

stop() {
    stopped=yes
    scancel --signal=TERM "$SLURM_JOB_ID"  # to the processes of train.py; srun itself would kill them at SIGTERM
}
trap stop USR1

srun python train.py --distribute cluster --continue_training "$@" &
code=138
while [ "$code" -eq 138 ]; do  # 128 + USR1: the signal interrupts the waiting
    wait $!
    code=$?
done

# 75: another process was lost; above 128: a signal ended one; but 130: stopped with a checkpoint, by a user or by USR1.
again=
case $code in
    130) again=$stopped ;;
    75 | 129 | 1[3-9]? | 2??) [ "${SLURM_RESTART_COUNT:-0}" -lt "$RESTARTS" ] && again=yes ;;
esac
if [ -n "$again" ]; then
    exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
