// SPDX-License-Identifier: MIT
#include "call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void call_fail(struct call_status *status, enum call_code code,
	       const char *format, ...)
{
	va_list args;

	status->code = code;
	va_start(args, format);
	vsnprintf(status->text, sizeof(status->text), format, args);
	va_end(args);
}

enum call_code call_code(int error)
{
	return error == ENOSPC || error == EDQUOT ? CALL_RESOURCE_EXHAUSTED :
						    CALL_INTERNAL;
}
