# Two commands do everything on a fresh Debian 12: `make demo` and `make test`.

BUILD := build
PACKAGES := binutils-aarch64-linux-gnu build-essential ccache clang-22 clang-format-22 cmake \
    libboost-dev libclang-rt-22-dev libcli11-dev libfmt-dev libgtest-dev liblld-22-dev \
    libmlir-22-dev libstdc++-12-dev-arm64-cross libxxhash-dev lld-22 llvm-22-dev \
    llvm-22-tools mlir-22-tools mypy ninja-build nlohmann-json3-dev pkg-config pybind11-dev python3 python3-dev \
    python3-jinja2 python3-myst-parser python3-numpy python3-pip python3-pytest \
    python3-sphinx python3-venv qemu-user valgrind zlib1g-dev libzstd-dev
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo build docs test test-fast wheel format packages clean help

help: ## Lists the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/:/'

packages: ## Installs what is missing from the distribution.
	@present=$$(dpkg-query -W -f='$${Package} $${Status}\n' $(PACKAGES) 2>/dev/null \
	    | awk '/install ok installed/ {print $$1}'); \
	needed=; for p in $(PACKAGES); do \
	    echo "$$present" | grep -qx "$$p" || needed="$$needed $$p"; done; \
	if [ -n "$$needed" ]; then \
	    $(SUDO) apt-get update && \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y \
	        --no-install-recommends $$needed; fi

$(BUILD)/build.ninja: | packages
	cmake --preset dev

build: packages $(BUILD)/build.ninja ## Builds the tools into build/bin.
	cmake --build --preset dev --target gemcut gemcut-opt gemcut_rt

demo: build ## Compiles the embedded checkpoint and lets it answer a prompt.
	$(BUILD)/bin/gemcut compile examples/tiny-gemma4 -o $(BUILD)/tiny
	@echo
	@echo '$$ $(BUILD)/tiny -p "Tell me a story about a fox and a lantern." --temp 0'
	@$(BUILD)/tiny -p "Tell me a story about a fox and a lantern." --temp 0
	@echo
	@echo 'Next: $(BUILD)/tiny                 a chat in the terminal'
	@echo '      $(BUILD)/tiny bench           its speed on this machine'
	@echo '      $(BUILD)/bin/gemcut compile path/to/gemma-4-E2B-it -o e2b'

test-fast: packages $(BUILD)/build.ninja ## The fast tier: lit, unit tests, numerics.
	cmake --build --preset dev
	GEMCUT_TEST_FOREIGN=0 ctest --preset dev -j2 -LE full

test: packages $(BUILD)/build.ninja ## Everything that CI runs.
	cmake --build --preset dev
	ctest --preset dev -j2
	test/run_sanitizers.sh

wheel: build ## Builds the Python wheel into build/dist and tests it in an environment of its own.
	cmake --build --preset dev --target _gemcut _engine
	/usr/bin/python3 -m pip wheel . --no-deps -w $(BUILD)/dist
	/usr/bin/python3 compiler/Python/wheel/tag.py "$$(ls -t $(BUILD)/dist/*-linux_*.whl | head -1)"
	test/python/test_wheel.sh $(BUILD)/dist

docs: build ## Builds the documentation's site into build/docs/html.
	cmake --build --preset dev --target _engine
	python3 compiler/Docs/site/build.py $(BUILD) $(BUILD)/docs

format: packages ## Formats the C++ sources.
	git ls-files '*.cpp' '*.h' | xargs clang-format-22 -i

clean: ## Removes the build tree.
	rm -rf $(BUILD)
