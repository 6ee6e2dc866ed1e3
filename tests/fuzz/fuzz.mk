# SPDX-License-Identifier: MIT
# tests/fuzz/fuzz_NAME.c feeds one parser what a peer or a file could say. Built
# by clang with libFuzzer and sanitizers, in a folder of its own ($(BUILD)/fuzz),
# from the parser's objects and no more. seeds makes what they begin with.

FUZZ_MAKE	= +$(MAKE) BUILD=$(BUILD)/fuzz CC=clang \
		  SANITIZE=fuzzer-no-link,address,undefined \
		  CFLAGS='-O1 -g -fno-sanitize-recover=undefined'

fuzz-programs:
	$(FUZZ_MAKE) fuzz-targets

# FUZZ_SECONDS: of each target, each time with another seed and what was found
# before; 60 by default.
fuzz: deps-check
	$(MAKE) $(JOBS) fuzz-programs
	BUILD=$(abspath $(BUILD)) FUZZ_SECONDS=$${FUZZ_SECONDS:-60} tests/fuzz/run

# Below, BUILD is that folder.

FUZZ_TARGETS	:= $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_objects	= $(addprefix $(BUILD)/objects/relay/,$(addsuffix .o,$(1)))

fuzz-targets: $(FUZZ_TARGETS) $(BUILD)/seeds/stamp

FUZZ_CONFIG	:= $(BUILD)/objects/tests/fuzz/config.o \
		   $(call fuzz_objects,$(addprefix common/,config inifile near settings size))

$(BUILD)/fuzz_config_relay: $(FUZZ_CONFIG) $(call fuzz_objects,options)
$(BUILD)/fuzz_config_collector: $(FUZZ_CONFIG) $(call fuzz_objects,$(addprefix collector/, \
	options options_files access call gate \
	files/path files/template files/ledger files/intervals))
$(BUILD)/fuzz_exclude_list: $(call fuzz_objects,source/exclude_list common/size)
$(BUILD)/fuzz_from_collector: $(call fuzz_objects,records/message common/metadata common/size)
$(BUILD)/fuzz_from_sensor: $(call fuzz_objects,$(addprefix collector/,records/message pieces))
$(BUILD)/fuzz_hello: $(call fuzz_objects,records/message common/metadata common/size)
$(BUILD)/fuzz_journal: $(call fuzz_objects,$(addprefix collector/,call output pieces files/path files/ringfile))
$(BUILD)/fuzz_merge: $(call fuzz_objects,$(addprefix collector/,records/merge pieces records/walk))
$(BUILD)/fuzz_metadata: $(call fuzz_objects,common/metadata common/size)
$(BUILD)/fuzz_packet: $(call fuzz_objects,$(addprefix collector/,packets/decode pieces))
$(BUILD)/fuzz_path: $(call fuzz_objects,collector/files/path)
$(BUILD)/fuzz_reader: $(call fuzz_objects,source/reader)
$(BUILD)/fuzz_ringfile: $(call fuzz_objects,$(addprefix collector/,call output pieces records/walk files/ringfile))
$(BUILD)/fuzz_spoolend: $(call fuzz_objects,$(addprefix spool/,scan spoolfile) common/metadata common/size)
$(BUILD)/fuzz_spoolfile: $(call fuzz_objects,common/metadata common/size)
$(BUILD)/fuzz_spoolname: $(call fuzz_objects,spool/spoolfile common/metadata common/size)
$(BUILD)/fuzz_saved: $(call fuzz_objects,$(addprefix control/,arguments capture json) \
		       common/filter common/size)
$(BUILD)/fuzz_template: $(call fuzz_objects,$(addprefix collector/files/,intervals ledger path template))
$(BUILD)/fuzz_walk: $(call fuzz_objects,collector/records/walk)

$(BUILD)/fuzz_%: $(BUILD)/objects/tests/fuzz/fuzz_%.o \
		$(addprefix $(BUILD)/objects/tests/fuzz/,fuzz.o log.o) $(PROTO_OBJECTS)
	$(call step,LD,$@)$(CC) $(UNIT_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ \
		-lprotobuf-c -lpcap -linih -ljansson -lz

# Messages in them are packed by what is not ours.
$(BUILD)/seeds/stamp: tests/fuzz/seeds tests/fuzz/regressions \
		proto/packet_streaming.proto proto/pcapring/v1/records.proto
	@rm -rf $(@D)
	$(call step,SEEDS,$(@D))tests/fuzz/seeds $(@D)
	@touch $@

.PHONY: fuzz fuzz-programs fuzz-targets
.SECONDARY: $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard tests/fuzz/*.c))
