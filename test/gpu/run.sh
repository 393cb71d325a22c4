#!/usr/bin/env bash
# The tests that want WebGPU, without a GPU: on SwiftShader. Wants Node and the built `lsg`; installs the rest.
# Arguments go to vitest.
set -euo pipefail
cd "$(dirname "$0")/../.."
source test/parity/swiftshader.sh

# Vulkan's loader reads the first since version 1.3.207, the second before.
export VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json
export VK_ICD_FILENAMES=$VK_DRIVER_FILES
npx vitest run --config test/gpu/vitest.config.ts "$@"
