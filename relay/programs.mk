# SPDX-License-Identifier: MIT
# User space: three programs, each from its room and relay/common.

PROGRAMS	:= $(BUILD)/pcapring $(BUILD)/pcapring-relay $(BUILD)/pcapring-collector
GENERATED	:= $(BUILD)/generated

ALL_CFLAGS	= -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE \
		  -DPCAPRING_VERSION_STRING='"$(VERSION)"' \
		  -Iinclude/uapi -Irelay -I$(GENERATED) -MMD -MP $(CFLAGS)
ifneq ($(SANITIZE),)
ALL_CFLAGS	+= -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
endif

# filter.c brings libpcap, which not every program has.
COMMON_OBJECTS	  := $(patsubst %.c,$(BUILD)/objects/%.o,$(filter-out relay/common/filter.c,$(wildcard relay/common/*.c)))
CONTROL_OBJECTS	  := $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard relay/control/*.c) \
		     $(patsubst %,relay/common/%.c,filter log size version))
CONTROL_LIBRARIES := -lmnl -lpcap -ljansson -lncurses -ltinfo
RELAY_OBJECTS	  := $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard relay/*.c $(patsubst %,relay/%/*.c,channel records source spool)) \
		     relay/common/filter.c \
		     $(patsubst %,relay/control/%.c,capture netlink reply request))
COLLECTOR_OBJECTS := $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard relay/collector/*.c relay/collector/*/*.c))
PROTO_OBJECTS	  := $(BUILD)/objects/proto/packet_streaming.pb-c.o \
		     $(BUILD)/objects/proto/google/protobuf/empty.pb-c.o \
		     $(BUILD)/objects/proto/pcapring/v1/records.pb-c.o
HEALTH_OBJECTS	  := $(BUILD)/objects/proto/grpc/health/v1/health.pb-c.o

programs: $(PROGRAMS)

$(BUILD)/pcapring: $(CONTROL_OBJECTS)
	$(call step,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(CONTROL_LIBRARIES)

$(BUILD)/pcapring-relay: $(RELAY_OBJECTS) $(COMMON_OBJECTS) $(PROTO_OBJECTS)
	$(call step,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lgrpc -lgpr -lgnutls -linih -lmicrohttpd -lmnl -lpcap -lprotobuf-c -lssl -lcrypto -lsystemd -lz -lpthread

$(BUILD)/pcapring-collector: $(COLLECTOR_OBJECTS) $(COMMON_OBJECTS) $(PROTO_OBJECTS) $(HEALTH_OBJECTS)
	$(call step,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lgrpc -lgpr -lgnutls -linih -lmicrohttpd -lprotobuf-c -ljansson -lzstd -lssl -lcrypto -lsystemd -lpthread

$(BUILD)/objects/relay/%.o: relay/%.c $(GENERATED)/stamp
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/objects/proto/%.o: $(GENERATED)/%.c
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Changes only when the sources do; PCAPRING_BUILD_ID=... instead, where git is not at hand.
$(GENERATED)/build-id.h: FORCE
	@mkdir -p $(@D)
	@echo '#define PCAPRING_BUILD_ID "$(or $(PCAPRING_BUILD_ID),$(shell packaging/build-id))"' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/objects/relay/common/version.o: $(GENERATED)/build-id.h

# protoc-c wants the imported file's code generated, too.
$(GENERATED)/stamp: proto/packet_streaming.proto proto/pcapring/v1/records.proto \
		proto/grpc/health/v1/health.proto
	@mkdir -p $(GENERATED)
	$(call step,PROTOC,proto)protoc-c --c_out=$(GENERATED) -Iproto $(^:proto/%=%)
	@protoc-c --c_out=$(GENERATED) -I/usr/include google/protobuf/empty.proto
	@touch $@

$(GENERATED)/%.pb-c.c: $(GENERATED)/stamp ;
.PRECIOUS: $(GENERATED)/%.pb-c.c

-include $(shell find $(BUILD)/objects -name '*.d' 2>/dev/null)

.PHONY: programs FORCE
