/* SPDX-License-Identifier: GPL-2.0-only */
/* Module parameters: captures that exist as soon as the module is loaded. */
#ifndef PCAPRING_PARAMS_H
#define PCAPRING_PARAMS_H

/*
 * Check all parameters and make the captures, which nobody sees yet. 0, or an
 * error that the kernel log explains.
 */
int pcapring_params_init(void);

/* Let them begin. What cannot, after all, is only told. */
void pcapring_params_start(void);

/* Or throw them away. */
void pcapring_params_discard(void);

#endif /* PCAPRING_PARAMS_H */
