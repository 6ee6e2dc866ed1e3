# SPDX-License-Identifier: MIT
# The module, built from a copy of its sources as DKMS does, so that kbuild's
# products stay out of the checkout.

MODULE_SOURCES	:= Kbuild $(wildcard kmod/*.[ch] kmod/compat/*) \
		   include/uapi/linux/pcapring.h
MODULE_COPIES	:= $(MODULE_SOURCES:%=$(BUILD)/module/%)

module: $(BUILD)/pcapring.ko

$(MODULE_COPIES): $(BUILD)/module/%: %
	@mkdir -p $(@D)
	@cp $< $@

$(BUILD)/pcapring.ko: $(MODULE_COPIES)
	@test -e $(KDIR)/Makefile || { echo "No kernel headers in '$(KDIR)':" \
		"run 'make deps', or name them with KDIR=." >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(abspath $(BUILD)/module) W=1 modules
	cp $(BUILD)/module/pcapring.ko $@

.PHONY: module
