#!/bin/sh
# ffmpeg reads files of strangers: it gets 1 GiB of address space, two minutes of CPU, and may write files of 1 GiB.
ulimit -v 1048576
ulimit -t 120
ulimit -f 2097152
exec ffmpeg "$@"
