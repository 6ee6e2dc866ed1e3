/* SPDX-License-Identifier: GPL-2.0-only */
/* Module parameters: captures that exist as soon as the module is loaded. */
#ifndef PCAPRING_PARAMS_H
#define PCAPRING_PARAMS_H

/* Settle max_bytes. 0, or an error that the kernel log explains. */
int pcapring_params_init(void);

/* Create a capture for each name in iface=. The same. */
int pcapring_params_create(void);

#endif /* PCAPRING_PARAMS_H */
