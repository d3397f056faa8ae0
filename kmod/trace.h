/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, gomalloc:* in tracefs.  Documentation/tracing.rst says what
 * each tells.
 *
 * They stand where the tiers hand memory to each other, after the locks and
 * the busy flag have been dropped: a BPF program may do there what its kind
 * may do anywhere.  The fast paths have none of them, and where one is off it
 * is a nop.  trace.c instantiates them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gomalloc

#if !defined(_GOM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _GOM_TRACE_H

#include <linux/pfn.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/mmflags.h>
#include "malloc.h"
#include "mspan.h"
#include "report.h"
#include "sample.h"
#include "stats.h"

/* What follows the class byte where the byte alone says little. */
#define gom_trace_class(class)						\
	((class) == GOM_CLASS_TINY ? " (tiny)" :			\
	 (class) == GOM_CLASS_LARGE ? " (large)" :			\
	 (class) == GOM_CLASS_TRACKED ? " (tracked)" :			\
	 (class) == GOM_CLASS_HEAP ? " (heap)" :			\
	 (class) == GOM_CLASS_FREE ? " (free)" : "")

/* Bytes of an object of @span, which may have one alone. */
#define gom_trace_size(span)						\
	((span)->class < GOM_NR_SPAN_CLASSES ?				\
	 gom_class[(span)->class].size : (span)->npages * GOM_PAGE_SIZE)

/* A CPU's magazine and the central list; the CPU is the event's own. */
DECLARE_EVENT_CLASS(gomalloc_batch,
		    TP_PROTO(unsigned int class, unsigned int objects),
		    TP_ARGS(class, objects),
		    TP_STRUCT__entry(__field(unsigned int, class)
				     __field(unsigned int, size)
				     __field(unsigned int, objects)),
		    TP_fast_assign(__entry->class = class;
				   __entry->size = gom_class[class].size;
				   __entry->objects = objects;),
		    TP_printk("class=%u%s size=%u objects=%u", __entry->class,
			      gom_trace_class(__entry->class), __entry->size,
			      __entry->objects));

/* @objects from the central list; none: the class needs a new span. */
DEFINE_EVENT(gomalloc_batch, gomalloc_refill,
	     TP_PROTO(unsigned int class, unsigned int objects),
	     TP_ARGS(class, objects));

/* @objects to the central list. */
DEFINE_EVENT(gomalloc_batch, gomalloc_flush,
	     TP_PROTO(unsigned int class, unsigned int objects),
	     TP_ARGS(class, objects));

/* A span and the heap. */
DECLARE_EVENT_CLASS(gomalloc_span,
		    TP_PROTO(const struct mspan *span),
		    TP_ARGS(span),
		    TP_STRUCT__entry(__field(unsigned int, class)
				     __field(unsigned int, size)
				     __field(unsigned int, pages)
				     __field(int, node)
				     __field(unsigned long, pfn)),
		    TP_fast_assign(__entry->class = span->class;
				   __entry->size = gom_trace_size(span);
				   __entry->pages = span->npages;
				   __entry->node = span->nid;
				   __entry->pfn = PFN_DOWN(__pa(span->start));),
		    TP_printk("class=%u%s size=%u pages=%u node=%d pfn=0x%lx",
			      __entry->class, gom_trace_class(__entry->class),
			      __entry->size, __entry->pages, __entry->node,
			      __entry->pfn));

/* From the heap, for a central list or a large object. */
DEFINE_EVENT(gomalloc_span, gomalloc_span_alloc,
	     TP_PROTO(const struct mspan *span),
	     TP_ARGS(span));

/* Back to the heap. */
DEFINE_EVENT(gomalloc_span, gomalloc_span_free,
	     TP_PROTO(const struct mspan *span),
	     TP_ARGS(span));

/*
 * A block from the kernel: @npages of the 2^@order kernel pages, the rest of
 * which has gone back at once.  It may have been split already.
 */
TRACE_EVENT(gomalloc_heap_grow,
	    TP_PROTO(int nid, unsigned long start, unsigned int order,
		     unsigned int npages),
	    TP_ARGS(nid, start, order, npages),
	    TP_STRUCT__entry(__field(unsigned int, order)
			     __field(unsigned int, pages)
			     __field(int, node)
			     __field(unsigned long, pfn)
			     __field(unsigned long, held)),
	    TP_fast_assign(__entry->order = order;
			   __entry->pages = npages;
			   __entry->node = nid;
			   __entry->pfn = PFN_DOWN(__pa(start));
			   __entry->held = gom_sys_bytes();),
	    TP_printk("order=%u pages=%u node=%d pfn=0x%lx held=%lu",
		      __entry->order, __entry->pages, __entry->node,
		      __entry->pfn, __entry->held));

/* Pages back to the kernel, which does not have them yet. */
TRACE_EVENT(gomalloc_heap_release,
	    TP_PROTO(int node, unsigned long addr, unsigned int pages),
	    TP_ARGS(node, addr, pages),
	    TP_STRUCT__entry(__field(unsigned int, pages)
			     __field(int, node)
			     __field(unsigned long, pfn)
			     __field(unsigned long, held)),
	    TP_fast_assign(__entry->pages = pages;
			   __entry->node = node;
			   __entry->pfn = PFN_DOWN(__pa(addr));
			   __entry->held = gom_sys_bytes();),
	    TP_printk("pages=%u node=%d pfn=0x%lx held=%lu", __entry->pages,
		      __entry->node, __entry->pfn, __entry->held));

/* Growing by @wanted bytes would exceed the soft limit. */
TRACE_EVENT(gomalloc_limit,
	    TP_PROTO(unsigned long limit, unsigned long wanted),
	    TP_ARGS(limit, wanted),
	    TP_STRUCT__entry(__field(unsigned long, limit)
			     __field(unsigned long, wanted)
			     __field(unsigned long, held)),
	    TP_fast_assign(__entry->limit = limit;
			   __entry->wanted = wanted;
			   __entry->held = gom_sys_bytes();),
	    TP_printk("limit=%lu wanted=%lu held=%lu", __entry->limit,
		      __entry->wanted, __entry->held));

/* @wanted bytes were refused at the hard limit, or @exceeded it all the same. */
TRACE_EVENT(gomalloc_max,
	    TP_PROTO(unsigned long max, unsigned long wanted, bool exceeded),
	    TP_ARGS(max, wanted, exceeded),
	    TP_STRUCT__entry(__field(unsigned long, max)
			     __field(unsigned long, wanted)
			     __field(unsigned long, held)
			     __field(bool, exceeded)),
	    TP_fast_assign(__entry->max = max;
			   __entry->wanted = wanted;
			   __entry->held = gom_sys_bytes();
			   __entry->exceeded = exceeded;),
	    TP_printk("max=%lu wanted=%lu held=%lu exceeded=%d", __entry->max,
		      __entry->wanted, __entry->held, __entry->exceeded));

/* All idle memory was asked for; @bytes went back to the kernel. */
TRACE_EVENT(gomalloc_scavenge,
	    TP_PROTO(unsigned long bytes),
	    TP_ARGS(bytes),
	    TP_STRUCT__entry(__field(unsigned long, bytes)
			     __field(unsigned long, held)),
	    TP_fast_assign(__entry->bytes = bytes;
			   __entry->held = gom_sys_bytes();),
	    TP_printk("bytes=%lu held=%lu", __entry->bytes, __entry->held));

/*
 * The kernel was short of memory: of @asked kernel pages on the node, or what
 * could be had, @freed went back.
 */
TRACE_EVENT(gomalloc_shrink,
	    TP_PROTO(int nid, unsigned long asked, unsigned long freed),
	    TP_ARGS(nid, asked, freed),
	    TP_STRUCT__entry(__field(int, node)
			     __field(unsigned long, asked)
			     __field(unsigned long, freed)
			     __field(unsigned long, held)),
	    TP_fast_assign(__entry->node = nid;
			   __entry->asked = asked;
			   __entry->freed = freed;
			   __entry->held = gom_sys_bytes();),
	    TP_printk("node=%d asked=%lu freed=%lu held=%lu", __entry->node,
		      __entry->asked, __entry->freed, __entry->held));

/* Every misuse, also those that the log is spared. */
TRACE_EVENT(gomalloc_misuse,
	    TP_PROTO(const struct gom_report_record *report),
	    TP_ARGS(report),
	    TP_STRUCT__entry(__array(char, kind, 20)
			     __field(const void *, ptr)
			     __field(unsigned int, class)
			     __field(unsigned long, caller)),
	    TP_fast_assign(strscpy(__entry->kind, gom_report_name(report->what),
				   sizeof(__entry->kind));
			   __entry->ptr = report->ptr;
			   __entry->class = report->class;
			   __entry->caller = report->caller;),
	    TP_printk("kind=%s ptr=%p class=%u%s caller=%pS", __entry->kind,
		      __entry->ptr, __entry->class,
		      gom_trace_class(__entry->class),
		      (void *)__entry->caller));

/*
 * Of every object.  No fast path looks at these two: who switches one of them
 * on sends all allocations, or frees, the slow way as long as it is.  What
 * goes on to kmalloc() is kmem:kmalloc's to tell.
 */

/* kmem:kmalloc's fields, with the same meanings; @node was asked for. */
TRACE_EVENT_FN(gomalloc_alloc,
	       TP_PROTO(unsigned long call_site, const void *ptr,
			size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags,
			int node),
	       TP_ARGS(call_site, ptr, bytes_req, bytes_alloc, gfp_flags, node),
	       TP_STRUCT__entry(__field(unsigned long, call_site)
				__field(const void *, ptr)
				__field(size_t, bytes_req)
				__field(size_t, bytes_alloc)
				__field(unsigned long, gfp_flags)
				__field(int, node)),
	       TP_fast_assign(__entry->call_site = call_site;
			      __entry->ptr = ptr;
			      __entry->bytes_req = bytes_req;
			      __entry->bytes_alloc = bytes_alloc;
			      __entry->gfp_flags =
				      (__force unsigned long)gfp_flags;
			      __entry->node = node;),
	       TP_printk("call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d",
			 (void *)__entry->call_site, __entry->ptr,
			 __entry->bytes_req, __entry->bytes_alloc,
			 show_gfp_flags(__entry->gfp_flags), __entry->node),
	       gom_sample_divert_allocs, gom_sample_undivert_allocs);

/* Before the object is anybody else's. */
TRACE_EVENT_FN(gomalloc_free,
	       TP_PROTO(unsigned long call_site, const void *ptr),
	       TP_ARGS(call_site, ptr),
	       TP_STRUCT__entry(__field(unsigned long, call_site)
				__field(const void *, ptr)),
	       TP_fast_assign(__entry->call_site = call_site;
			      __entry->ptr = ptr;),
	       TP_printk("call_site=%pS ptr=%p", (void *)__entry->call_site,
			 __entry->ptr),
	       gom_malloc_divert_frees, gom_malloc_undivert_frees);

#endif /* _GOM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
