#!/usr/bin/env bash
# Opens what `lsg` exports with clients that are not ours: onnx's checker, optimum, sentence-transformers, PyLate, and
# Transformers.js in Node and in Chromium. Wants Node, Python ≥ 3.11 and the built `lsg`; installs the rest.
# Arguments go to pytest, in place of the folder: `run.sh test_x.py -k name`.
set -euo pipefail
cd "$(dirname "$0")"
environment=$(cd ../../.. && pwd)/.venv-clients

source ../swiftshader.sh

# An environment is whole when it has a copy of the list it was made from.
if ! cmp -s requirements.txt "$environment/requirements.txt"; then
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet "$(grep ^torch== requirements.txt)"
  "$environment/bin/pip" install --quiet -r requirements.txt
  cp requirements.txt "$environment/"
fi
# PyLate's has what it needs otherwise, and the rest from there.
late=$(cd ../../.. && pwd)/.venv-pylate
if ! cmp -s requirements-pylate.txt "$late/requirements.txt"; then
  python3 -m venv --clear --without-pip "$late"
  "$environment/bin/pip" --python "$late/bin/python" install --quiet --no-deps -r requirements-pylate.txt
  "$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
    > "$("$late/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/clients.pth"
  cp requirements-pylate.txt "$late/requirements.txt"
fi
if ! cmp -s js/package-lock.json js/node_modules/.made-from; then
  # onnxruntime-node's scripts would fetch CUDA.
  ONNXRUNTIME_NODE_INSTALL=skip ONNXRUNTIME_NODE_INSTALL_CUDA=skip npm ci --prefix js --no-audit --no-fund
  cp js/package-lock.json js/node_modules/.made-from
fi

"$environment/bin/python" -m pytest -q -n 2 -p no:cacheprovider "${@:-.}"
