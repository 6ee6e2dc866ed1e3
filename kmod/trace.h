/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints: what is rare enough, or important enough, to be told one by one. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pcapring

#if !defined(PCAPRING_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PCAPRING_TRACE_H

#include <linux/if.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

/* @ring had no room for a packet of @len bytes, or it could not be read. */
TRACE_EVENT(pcapring_drop,
	    TP_PROTO(u32 id, u32 ring, u32 len),
	    TP_ARGS(id, ring, len),
	    TP_STRUCT__entry(__field(u32, id)
			     __field(u32, ring)
			     __field(u32, len)
	    ),
	    TP_fast_assign(__entry->id = id;
			   __entry->ring = ring;
			   __entry->len = len;
	    ),
	    TP_printk("id=%u ring=%u len=%u", __entry->id, __entry->ring, __entry->len)
);

/* The reader is woken, which has @bytes of @ring to read. */
TRACE_EVENT(pcapring_wakeup,
	    TP_PROTO(u32 id, u32 ring, u64 bytes),
	    TP_ARGS(id, ring, bytes),
	    TP_STRUCT__entry(__field(u32, id)
			     __field(u32, ring)
			     __field(u64, bytes)
	    ),
	    TP_fast_assign(__entry->id = id;
			   __entry->ring = ring;
			   __entry->bytes = bytes;
	    ),
	    TP_printk("id=%u ring=%u bytes=%llu", __entry->id, __entry->ring, __entry->bytes)
);

TRACE_EVENT(pcapring_attach,
	    TP_PROTO(u32 id, const char *ifname),
	    TP_ARGS(id, ifname),
	    TP_STRUCT__entry(__field(u32, id)
			     __array(char, ifname, IFNAMSIZ)
	    ),
	    TP_fast_assign(__entry->id = id;
			   strscpy_pad(__entry->ifname, ifname, IFNAMSIZ);
	    ),
	    TP_printk("id=%u ifname=%s", __entry->id, __entry->ifname)
);

TRACE_EVENT(pcapring_detach,
	    TP_PROTO(u32 id, const char *ifname, const char *reason),
	    TP_ARGS(id, ifname, reason),
	    TP_STRUCT__entry(__field(u32, id)
			     __array(char, ifname, IFNAMSIZ)
			     __array(char, reason, 64)
	    ),
	    TP_fast_assign(__entry->id = id;
			   strscpy_pad(__entry->ifname, ifname, IFNAMSIZ);
			   strscpy_pad(__entry->reason, reason, 64);
	    ),
	    TP_printk("id=%u ifname=%s reason=\"%s\"", __entry->id, __entry->ifname,
		      __entry->reason)
);

#endif /* PCAPRING_TRACE_H */

/* Found by the folders that Kbuild has headers looked for in. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
