#!/usr/bin/env bash
# A sweep as a Slurm job array and under GNU parallel, each merged to the bytes of one run. Slurm is started here, on
# this machine alone, if it is installed and we are root; what is missing is said and skipped (exit 77).
set -euo pipefail
programs=$1
here=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
daemons=()
finish() {
  for pid in "${daemons[@]:-}"; do [ -z "$pid" ] || kill "$pid" 2> /dev/null || true; done
  rm -rf "$scratch"
}
trap finish EXIT
chmod 755 "$scratch"
export PATH="$programs:$PATH:/usr/sbin" NO_COLOR=1
spec=$here/cases/sweeps/scaling-width.sweep.json
widecert --quiet sweep "$spec" -o "$scratch/one"
same() {
  for file in results.csv results.jsonl sweep.html; do
    cmp "$scratch/one/$file" "$1/$file" || { echo "$1/$file differs from that of one run"; exit 1; }
  done
}
ran=0

if command -v parallel > /dev/null; then
  parallel -j2 widecert --quiet sweep "$spec" -o "$scratch/parallel" --shard '{}/5' ::: 1 2 3 4 5 < /dev/null
  widecert --quiet sweep "$spec" -o "$scratch/parallel" --merge
  same "$scratch/parallel"
  echo "ok: GNU parallel, 5 shards"
  ran=1
else
  echo "SKIPPED: GNU parallel is not installed (apt-get install parallel)"
fi

if ! command -v slurmctld > /dev/null || ! command -v munged > /dev/null; then
  echo "SKIPPED: Slurm is not installed (apt-get install slurm-wlm)"
elif [ "$(id -u)" != 0 ]; then
  echo "SKIPPED: Slurm is installed, but only root can start it here"
else
  host=$(hostname -s)
  mkdir -p /run/munge /var/log/munge /var/lib/munge /etc/munge
  if [ ! -f /etc/munge/munge.key ]; then
    head -c 1024 /dev/urandom > /etc/munge/munge.key
    chmod 600 /etc/munge/munge.key
  fi
  chown -R munge: /run/munge /var/log/munge /var/lib/munge /etc/munge
  chmod 755 /run/munge
  pgrep -x munged > /dev/null || su -s /bin/sh munge -c "$(command -v munged)"
  cat > "$scratch/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmctldPort=26817
SlurmdPort=26818
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.pid
SlurmdSpoolDir=$scratch/spool
StateSaveLocation=$scratch/state
SlurmctldLogFile=$scratch/slurmctld.log
SlurmdLogFile=$scratch/slurmd.log
SwitchType=switch/none
NodeName=$host CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=10 State=UP
CONF
  export SLURM_CONF=$scratch/slurm.conf
  mkdir -p "$scratch"/{spool,state}
  slurmctld -D > /dev/null 2>&1 & daemons+=($!)
  slurmd -D > /dev/null 2>&1 & daemons+=($!)
  up=no
  for _ in $(seq 60); do
    state=$(sinfo -h -o %t 2> /dev/null) || true
    if [[ $state == *idle* ]]; then up=yes; break; fi
    sleep 1
  done
  if [ "$up" = no ]; then
    echo "SKIPPED: Slurm does not start on this machine"; tail -3 "$scratch"/slurm*.log || true
  else
    WIDECERT=$programs/widecert sbatch --wait --array=1-3 --chdir="$scratch" --export=ALL \
      "$here/tools/sweep.slurm" "$spec" "$scratch/slurm" > "$scratch/sbatch.log" ||
      { echo "the job array failed:"; tail -n 20 "$scratch"/sbatch.log "$scratch"/slurm-*.out "$scratch"/slurm*.log; exit 1; }
    widecert --quiet sweep "$spec" -o "$scratch/slurm" --merge
    same "$scratch/slurm"
    echo "ok: Slurm, an array of 3 tasks"
    ran=1
  fi
fi
[ "$ran" = 1 ] || exit 77
