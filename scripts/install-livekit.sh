#!/usr/bin/env bash
# livekit-server from its Go module in .cache/livekit/bin, for the tests of calls. It takes some minutes of a processor.
set -uo pipefail
cd "$(dirname "$0")/.."
[ -x .cache/livekit/bin/server ] && exit 0
command -v go > /dev/null || {
  echo 'there is no Go to build livekit-server with: the tests that need it will be skipped'
  exit 0
}
GOBIN="$PWD/.cache/livekit/bin" GOFLAGS=-buildvcs=false CGO_ENABLED=0 nice -n 19 \
  go install github.com/livekit/livekit-server/cmd/server@v1.13.3 && exit 0
echo 'livekit-server could not be built: the tests that need it will be skipped'
