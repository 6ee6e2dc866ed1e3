/* SPDX-License-Identifier: MIT */
/* What --version says. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

/*
 * Two lines, without the last one's end: @program and its version, the sources
 * that it was built from (packaging/build-id). The text lasts until the next call.
 */
const char *version_text(const char *program);

/* Its sources alone. */
const char *version_build(void);

#endif
