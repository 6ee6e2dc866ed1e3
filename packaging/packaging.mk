# SPDX-License-Identifier: MIT
# make deps, install, uninstall. The module is installed as its source, for
# DKMS; nothing is started or loaded.

BINDIR		= $(PREFIX)/bin
UNITDIR		= $(PREFIX)/lib/systemd/system
DKMS_SOURCE	= /usr/src/pcapring-$(VERSION)

COMPLETE	= $(PREFIX)/share/pcapring/complete
BASH_COMPLETIONS = $(PREFIX)/share/bash-completion/completions
FISH_COMPLETIONS = $(PREFIX)/share/fish/vendor_completions.d
ZSH_COMPLETION	= $(PREFIX)/share/zsh/vendor-completions/_pcapring

UNITS		:= pcapring-relay@.service pcapring-relay-start@.service \
		   pcapring-collector.service pcapring-captures.service
MANUALS		:= $(wildcard packaging/man/*.[48])
EXAMPLES	:= $(wildcard packaging/examples/*)

# What is where; the folders that are ours alone.
INSTALLED	= $(PROGRAMS:$(BUILD)/%=$(BINDIR)/%) \
		  $(foreach m,$(MANUALS),$(PREFIX)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m)) \
		  $(UNITS:%=$(UNITDIR)/%) \
		  $(PROGRAMS:$(BUILD)/%=$(BASH_COMPLETIONS)/%) \
		  $(PROGRAMS:$(BUILD)/%=$(FISH_COMPLETIONS)/%.fish) $(ZSH_COMPLETION) \
		  $(PREFIX)/lib/udev/rules.d/60-pcapring.rules \
		  $(PREFIX)/lib/udev/pcapring-name \
		  $(PREFIX)/lib/sysusers.d/pcapring.conf
INSTALLED_FOLDERS = $(PREFIX)/share/doc/pcapring $(PREFIX)/share/pcapring $(DKMS_SOURCE)

deps:
	packaging/deps packaging/deps.txt

deps-check: deps
	packaging/deps packaging/deps-check.txt

# Completions are looked for by the name of each program; zsh wants its own word
# on the first line.
install-completions:
	install -D packaging/completions/complete $(DESTDIR)$(COMPLETE)
	install -d $(DESTDIR)$(BASH_COMPLETIONS) $(DESTDIR)$(FISH_COMPLETIONS) \
		$(DESTDIR)$(dir $(ZSH_COMPLETION))
	for p in $(PROGRAMS:$(BUILD)/%=%); do \
		sed 's|@COMPLETE@|$(COMPLETE)|' packaging/completions/pcapring.bash.in \
			>$(DESTDIR)$(BASH_COMPLETIONS)/$$p && \
		sed 's|@COMPLETE@|$(COMPLETE)|' packaging/completions/pcapring.fish.in \
			>$(DESTDIR)$(FISH_COMPLETIONS)/$$p.fish || exit 1; done
	sed '1{h;d};2G;s|@COMPLETE@|$(COMPLETE)|' packaging/completions/pcapring.zsh.in \
		>$(DESTDIR)$(ZSH_COMPLETION)

install: programs install-completions
	install -d $(DESTDIR)$(BINDIR)
	install $(PROGRAMS) $(DESTDIR)$(BINDIR)
	for m in $(MANUALS); do install -D -m 644 -t \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.} $$m || exit 1; done
	install -d $(DESTDIR)$(UNITDIR)
	for u in $(UNITS); do sed 's|@BINDIR@|$(BINDIR)|' packaging/systemd/$$u.in \
		>$(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d packaging/60-pcapring.rules
	install -D -t $(DESTDIR)$(PREFIX)/lib/udev packaging/pcapring-name
	install -D -m 644 packaging/pcapring.sysusers \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/pcapring.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/pcapring/prometheus \
		$(wildcard packaging/prometheus/*.yml)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/pcapring/grafana \
		packaging/grafana/pcapring.json
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/pcapring README
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/pcapring/examples $(EXAMPLES)
	for s in dkms.conf $(MODULE_SOURCES); do \
		install -D -m 644 $$s $(DESTDIR)$(DKMS_SOURCE)/$$s || exit 1; done

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%)
	rm -rf $(INSTALLED_FOLDERS:%=$(DESTDIR)%)

.PHONY: deps deps-check install install-completions uninstall
