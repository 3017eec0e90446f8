#!/bin/bash
# test_wheel.sh DIST: installs the newest wheel of DIST into an environment of its own
# and uses it, and the Python examples, where LLVM, gcc and the C library's development
# files are hidden. With GEMCUT_TEST_NETWORK=1 numpy comes from the package index, so that the
# environment holds nothing else.
set -euo pipefail
dist=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
wheel=$(ls -t "$dist"/gemcut-*.whl | head -1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

size=$(stat -c %s "$wheel")
echo "$(basename "$wheel"): $((size / 1000000)) MB"
[ "$size" -le 60000000 ]
if [ "${GEMCUT_TEST_NETWORK:-}" = 1 ]; then
    /usr/bin/python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet numpy
else # numpy is the distribution's
    /usr/bin/python3 -m venv --system-site-packages "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --no-index --no-deps "$wheel"
"$work/venv/bin/pip" list --local
mkdir "$work/examples"
cp -r "$here/../../examples/python" "$here/../../examples/tiny-gemma4" "$work/examples"
ln -s examples/tiny-gemma4 "$work/tiny-gemma4"
cp -r "$here/../data/goldens/edge" "$here/check_wheel.py" "$work"

hide() {
    for folder in /usr/lib/llvm-* /usr/lib/gcc /usr/lib/gcc-cross /usr/aarch64-linux-gnu; do
        [ ! -d "$folder" ] || mount -t tmpfs tmpfs "$folder"
    done
    for file in /usr/lib/*-linux-gnu/lib{LLVM,MLIR}*.so* \
        /usr/lib/*-linux-gnu/{libc.a,libm.a,libc.so,libm.so,rcrt1.o,crti.o,crtn.o}; do
        [ ! -f "$file" ] || mount --bind /dev/null "$file"
    done
}
cd "$work"
if [ "$(id -u)" = 0 ]; then
    unshare -m bash -c "$(declare -f hide); hide; exec env -i PATH=/usr/bin:/bin \
        '$work/venv/bin/python' check_wheel.py"
else
    echo "not root: LLVM and gcc are not hidden"
    env -i PATH=/usr/bin:/bin "$work/venv/bin/python" check_wheel.py
fi
