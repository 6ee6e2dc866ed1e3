# SPDX-License-Identifier: MIT
# Speed of the kernel's side: tests/bench-kernel/README.

BENCH_KERNEL	:= $(BUILD)/bench-kernel

bench-kernel:
	BUILD=$(abspath $(BUILD)) tests/bench-kernel/run

# For the kernel in KDIR, as `module`.
bench-kernel-modules: module $(BENCH_KERNEL)/floor.ko

$(BENCH_KERNEL)/modules/%: tests/bench-kernel/%
	@mkdir -p $(@D)
	@cp $< $@

$(BENCH_KERNEL)/floor.ko: $(BENCH_KERNEL)/modules/Kbuild $(BENCH_KERNEL)/modules/floor.c
	$(MAKE) -C $(KDIR) M=$(abspath $(<D)) W=1 modules
	cp $(<D)/floor.ko $@

.PHONY: bench-kernel bench-kernel-modules
