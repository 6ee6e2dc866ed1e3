// SPDX-License-Identifier: MIT
#include "freeze.h"

#include "common/log.h"
#include "control/netlink.h"

/* Another capture may have the number by now. */
static bool freeze_look(struct netlink *netlink, const struct pcapring_info *info,
			bool *frozen)
{
	struct capture_list list = {};
	const struct capture *capture = NULL;

	if (netlink_get(netlink, info->id, &list))
		capture = capture_list_find(&list, info->uuid);
	*frozen = capture && capture->frozen;
	capture_list_free(&list);
	return capture;
}

/* Who may not freeze it may find it frozen. */
static bool freeze_set(struct netlink *netlink, const struct pcapring_info *info)
{
	const struct capture_request request = {
		.given = CAPTURE_GIVEN(PCAPRING_A_ID) | CAPTURE_GIVEN(PCAPRING_A_FROZEN),
		.id = info->id,
		.frozen = true,
	};
	bool frozen;

	return freeze_look(netlink, info, &frozen) &&
	       (frozen || netlink_set(netlink, &request));
}

void freeze_capture(const char *device, const struct pcapring_info *info)
{
	struct netlink *netlink = netlink_open();

	if (netlink && freeze_set(netlink, info))
		log_info("%s: the capture is frozen: 'pcapring thaw %u' lets it go on",
			 device, info->id);
	else
		log_warning("%s: the capture is not frozen%s%s; it goes on: what comes from now on waits in its rings",
			    device, netlink ? ": " : "", netlink ? netlink_error(netlink) : "");
	if (netlink)
		netlink_close(netlink);
}
