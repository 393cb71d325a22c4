# To be sourced: makes WebGPU work without a GPU. Debian's chromium has SwiftShader, a driver for Vulkan that
# computes on the CPU; the other thing needed is Vulkan's loader.
if ! command -v chromium >/dev/null || ! ldconfig -p | grep -q libvulkan.so.1; then
  if [ "$(id -u)" != 0 ]; then
    echo "swiftshader.sh: install chromium and libvulkan1 (apt-get install chromium libvulkan1)" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium libvulkan1
fi
