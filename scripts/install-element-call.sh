#!/usr/bin/env bash
# Element Call from npm in .cache/element-call, for test/interop. It is under the AGPL and no part of Ringback.
set -uo pipefail
cd "$(dirname "$0")/.."
[ -e .cache/element-call/node_modules/@element-hq/element-call-embedded/package.json ] && exit 0
mkdir -p .cache/element-call
npm install --prefix .cache/element-call --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
  @element-hq/element-call-embedded@0.26.1 && exit 0
echo 'Element Call could not be installed: the tests that need it will be skipped'
