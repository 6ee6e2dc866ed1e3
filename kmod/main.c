// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of birth and death. A device node may be opened as soon as it is
 * there, and nothing protects a module whose init fails: so what can fail comes
 * first, the captures of the parameters last. At the end, captures go before
 * those who tell of them.
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
		goto params;
	err = pcapring_chardev_init();
	if (err)
		goto capture;
	err = pcapring_netdev_init();
	if (err)
		goto chardev;
	err = pcapring_netlink_init();
	if (err)
		goto netdev;
	pcapring_params_start();
	return 0;

netdev:
	pcapring_netdev_exit();
chardev:
	pcapring_chardev_exit();
capture:
	pcapring_capture_exit();
params:
	pcapring_params_discard();
	return err;
}

static void __exit pcapring_exit(void)
{
	pcapring_admin_close();
	pcapring_netlink_exit();
	pcapring_netdev_exit();
	pcapring_chardev_exit();
	pcapring_capture_exit();
}

module_init(pcapring_init);
module_exit(pcapring_exit);

MODULE_DESCRIPTION("The kernel writes pcap: packet capture into rings shared with user space");
MODULE_AUTHOR("The pcapring developers");
MODULE_LICENSE("GPL");
