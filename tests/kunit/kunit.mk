# SPDX-License-Identifier: MIT
# KUnit: the module's objects and the suites in tests/kunit, as one module, for
# the kernel in KDIR (ARCH=um for User Mode Linux). `make kunit` runs them there.

KUNIT_MODULE	:= $(BUILD)/kunit/pcapring_kunit.ko
KUNIT_SOURCES	:= $(filter-out Kbuild,$(MODULE_SOURCES)) $(wildcard tests/kunit/*.[ch])
KUNIT_COPIES	:= $(KUNIT_SOURCES:%=$(BUILD)/kunit/%) \
		   $(BUILD)/kunit/Kbuild $(BUILD)/kunit/module.kbuild

kunit:
	BUILD=$(abspath $(BUILD)) tests/kunit/run

kunit-module: $(KUNIT_MODULE)

$(BUILD)/kunit/Kbuild: tests/kunit/Kbuild
$(BUILD)/kunit/module.kbuild: Kbuild
$(KUNIT_SOURCES:%=$(BUILD)/kunit/%): $(BUILD)/kunit/%: %
$(KUNIT_COPIES):
	@mkdir -p $(@D)
	@cp $< $@

$(KUNIT_MODULE): $(KUNIT_COPIES)
	$(MAKE) -C $(KDIR) M=$(abspath $(BUILD)/kunit) W=1 modules

.PHONY: kunit kunit-module
