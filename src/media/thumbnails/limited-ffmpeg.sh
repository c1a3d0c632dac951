#!/bin/sh
# ffmpeg reads files of strangers: it gets 1 GiB of address space, a minute of CPU, and may write 64 MiB.
ulimit -v 1048576
ulimit -t 60
ulimit -f 131072
exec ffmpeg "$@"
