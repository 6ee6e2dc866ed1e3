// SPDX-License-Identifier: GPL-2.0-only
/* The module that holds the suites; they run when it is loaded. */

#include <linux/module.h>

MODULE_DESCRIPTION("KUnit tests of pcapring");
MODULE_AUTHOR("The pcapring developers");
MODULE_LICENSE("GPL");
