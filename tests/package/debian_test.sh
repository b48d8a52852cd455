#!/usr/bin/env bash
# Makes the Debian packages of this build, unpacks them into a folder as if it were the root, and works from there as
# their users would: calls a task, and builds and runs a plugin and a host with what pkg-config says.
#   debian_test.sh BUILD_DIR CXX
set -euo pipefail
build_dir=$1 cxx=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BULKHEAD_WORKER BULKHEAD_PLUGIN_PATH BULKHEAD_MANIFEST

fail() {
  echo "$@" >&2
  exit 1
}

# They are for another prefix than this build's, which only matters to hosts that are not told where the worker is.
(umask 077 && cpack --config "$build_dir/CPackConfig.cmake" -B "$work/packages" -D CPACK_BULKHEAD_ANY_PREFIX=ON \
  >"$work/cpack.log" 2>&1) || { cat "$work/cpack.log"; exit 1; }

field() { dpkg-deb --field "$1" "$2"; }
declare -A file_of
for file in "$work"/packages/*.deb; do
  file_of[$(field "$file" Package)]=$file
  dpkg-deb --extract "$file" "$work/root"
done
[[ $(printf '%s\n' "${!file_of[@]}" | sort | xargs) == "bulkhead bulkhead-plugins libbulkhead-dev" ]] ||
  fail "other packages than expected: ${!file_of[*]}"

# What shall be in which, and what not.
holds() { grep -qE "$2" <<<"$(dpkg-deb --contents "${file_of[$1]}")" || fail "package $1 has no $2"; }
holds bulkhead ' \./usr/bin/bulkhead-worker$'
holds bulkhead ' \./usr/bin/bulkhead$'
holds libbulkhead-dev '/bulkhead/plugin\.hpp$'
holds libbulkhead-dev '/bulkhead/engine\.hpp$'
holds libbulkhead-dev '/libbulkhead_engine\.a$'
holds libbulkhead-dev '/bulkheadConfig\.cmake$'
holds libbulkhead-dev '/pkgconfig/bulkhead\.pc$'
for plugin in math digest text fractal image; do holds bulkhead-plugins "/bulkhead/plugins/$plugin\.so$"; done
for package in "${!file_of[@]}"; do
  holds "$package" " \./usr/share/doc/$package/copyright$"
  holds "$package" " \./usr/share/doc/$package/changelog\.Debian\.gz$"
  contents=$(dpkg-deb --contents "${file_of[$package]}")
  # root's, and readable by all; nothing outside /usr.
  grep -vE '^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) root/root .* \./(usr/.*)?$' <<<"$contents" && fail "in $package: see above"
  for name in Version Architecture Maintainer Section Priority Installed-Size Description; do
    [[ -n $(field "${file_of[$package]}" $name) ]] || fail "package $package does not say its $name"
  done
done
[[ $(for file in "${file_of[@]}"; do field "$file" Description | head -n 1; done | sort -u | wc -l) == 3 ]] ||
  fail "two packages have the same summary"
! dpkg-deb --contents "${file_of[bulkhead]}" | grep -E '\.(hpp|a|so|cmake)$' || fail "package bulkhead has what is for developers"
depends() { [[ $(field "${file_of[$1]}" Depends) == *"$2"* ]] || fail "package $1 does not depend on $2"; }
version=$(field "${file_of[bulkhead]}" Version)
depends bulkhead 'libc6 (>= '
depends bulkhead libstdc++6
depends bulkhead libspdlog
depends bulkhead-plugins "bulkhead (= $version)"
depends bulkhead-plugins libssl3
depends bulkhead-plugins libpng16-16
depends bulkhead-plugins libturbojpeg0
depends bulkhead-plugins libre2
depends libbulkhead-dev "bulkhead (= $version)"
depends libbulkhead-dev libcereal-dev

root=$work/root
libdir=$(dirname "$(find "$root/usr" -name libbulkhead_engine.a)")
export PATH=$root/usr/bin:$PATH
[[ $(command -v bulkhead) == "$root"/* ]]
[[ $(BULKHEAD_PLUGIN_PATH=$libdir/bulkhead/plugins bulkhead call math.add 2 3) == 5 ]] || fail "bulkhead call"

export PKG_CONFIG_PATH=$libdir/pkgconfig
cd "$work"
cat >shop.cpp <<'END'
#include <bulkhead/plugin.hpp>
std::int64_t price(std::int64_t pieces) { return 3 * pieces; }
BULKHEAD_PLUGIN("shop", "1.0.0", price)
END
cat >host.cpp <<'END'
#include <bulkhead/engine.hpp>
#include <cstdio>
int main(int, char** arguments) {
  auto engine = bulkhead::Engine::from_plugins({arguments[1]}, {.worker_program = arguments[2]});
  auto pool = engine.pool({.processes = 1});
  std::printf("%ld\n", static_cast<long>(pool.apply<std::int64_t>("shop.price", 14)));
}
END
# Without quotes, as people and makefiles write it.
# shellcheck disable=SC2046
"$cxx" -O1 -Wall -Werror $(pkg-config --cflags bulkhead-sdk) shop.cpp $(pkg-config --libs bulkhead-sdk) -o shop.so
exported=$(nm --dynamic --defined-only shop.so | awk '{ print $3 }')
[[ $exported == bulkhead_plugin_v1 ]] || fail "shop.so exports: $exported"
[[ $(bulkhead call -p shop.so shop.price 14) == 42 ]] || fail "bulkhead call of an outside plugin"
[[ $(tr '\t\n' '  ' <shop.so | grep -aoF " ${version%-*} ") ]] || fail "shop.so does not say which SDK made it"
# shellcheck disable=SC2046
"$cxx" -O0 $(pkg-config --cflags bulkhead) host.cpp $(pkg-config --libs bulkhead) -o host
[[ $(./host shop.so "$(pkg-config --variable=worker_program bulkhead)") == 42 ]] || fail "an outside host"
echo "three packages of version $version work"
