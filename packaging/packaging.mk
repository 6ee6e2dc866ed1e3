# SPDX-License-Identifier: MIT
# make deps, install, uninstall. The module is installed as its source, for
# DKMS; nothing is started or loaded.

BINDIR		= $(PREFIX)/bin
UNITDIR		= $(PREFIX)/lib/systemd/system
DKMS_SOURCE	= /usr/src/pcapring-$(VERSION)

UNITS		:= pcapring-relay@.service pcapring-collector.service pcapring-captures.service
MANUALS		:= $(wildcard packaging/man/*.[48])
EXAMPLES	:= $(wildcard packaging/examples/*)

# What is where; the folders that are ours alone.
INSTALLED	= $(PROGRAMS:$(BUILD)/%=$(BINDIR)/%) \
		  $(foreach m,$(MANUALS),$(PREFIX)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m)) \
		  $(UNITS:%=$(UNITDIR)/%) \
		  $(PREFIX)/lib/udev/rules.d/60-pcapring.rules \
		  $(PREFIX)/lib/sysusers.d/pcapring.conf
INSTALLED_FOLDERS = $(PREFIX)/share/doc/pcapring $(DKMS_SOURCE)

deps:
	packaging/deps packaging/deps.txt

deps-check: deps
	packaging/deps packaging/deps-check.txt

install: programs
	install -d $(DESTDIR)$(BINDIR)
	install $(PROGRAMS) $(DESTDIR)$(BINDIR)
	for m in $(MANUALS); do install -D -m 644 -t \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.} $$m || exit 1; done
	install -d $(DESTDIR)$(UNITDIR)
	for u in $(UNITS); do sed 's|@BINDIR@|$(BINDIR)|' packaging/systemd/$$u.in \
		>$(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d packaging/60-pcapring.rules
	install -D -m 644 packaging/pcapring.sysusers \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/pcapring.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/pcapring README
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/pcapring/examples $(EXAMPLES)
	for s in dkms.conf $(MODULE_SOURCES); do \
		install -D -m 644 $$s $(DESTDIR)$(DKMS_SOURCE)/$$s || exit 1; done

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%)
	rm -rf $(INSTALLED_FOLDERS:%=$(DESTDIR)%)

.PHONY: deps deps-check install uninstall
