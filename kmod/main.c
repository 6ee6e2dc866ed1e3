// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of birth and death. Who asks for captures comes last and goes
 * first; between the two, captures come and go by themselves.
 */

#include <linux/module.h>

#include "admin.h"
#include "capture.h"
#include "chardev.h"
#include "netdev.h"
#include "netlink.h"
#include "params.h"

static int __init pcapring_init(void)
{
	int err;

	err = pcapring_params_init();
	if (err)
		return err;
	err = pcapring_capture_init();
	if (err)
		return err;
	err = pcapring_chardev_init();
	if (err)
		goto capture;
	err = pcapring_netdev_init();
	if (err)
		goto chardev;
	err = pcapring_params_create();
	if (err)
		goto captures;
	err = pcapring_netlink_init();
	if (err)
		goto captures;
	return 0;

captures:
	pcapring_admin_delete_all();
	pcapring_netdev_exit();
chardev:
	pcapring_chardev_exit();
capture:
	pcapring_capture_exit();
	return err;
}

static void __exit pcapring_exit(void)
{
	pcapring_netlink_exit();
	pcapring_admin_delete_all();
	pcapring_netdev_exit();
	pcapring_chardev_exit();
	pcapring_capture_exit();
}

module_init(pcapring_init);
module_exit(pcapring_exit);

MODULE_DESCRIPTION("The kernel writes pcap: packet capture into rings shared with user space");
MODULE_AUTHOR("The pcapring developers");
MODULE_LICENSE("GPL");
