#!/usr/bin/env bash
# Synapse from PyPI in .cache/synapse, as the other server of the tests in test/interop and of the benchmark.
set -uo pipefail
cd "$(dirname "$0")/.."
.cache/synapse/bin/python -c 'import synapse' 2> /dev/null && exit 0
rm -rf .cache/synapse
python3 -m venv .cache/synapse &&
  .cache/synapse/bin/pip install -q --disable-pip-version-check 'matrix-synapse==1.163.*' && exit 0
rm -rf .cache/synapse
echo 'Synapse could not be installed: the tests that need it will be skipped'
