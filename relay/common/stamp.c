// SPDX-License-Identifier: MIT
#include "stamp.h"

#include <string.h>
#include <sys/stat.h>

bool stamp_take(struct stamp *stamp, const char *path)
{
	struct stamp now = {};
	struct stat st;

	if (stat(path, &st))
		return false;
	now.device = st.st_dev;
	now.inode = st.st_ino;
	now.bytes = st.st_size;
	now.changed = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec;
	if (!memcmp(stamp, &now, sizeof(now)))
		return false;
	*stamp = now;
	return true;
}
