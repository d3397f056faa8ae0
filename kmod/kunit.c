// SPDX-License-Identifier: GPL-2.0
/*
 * What the KUnit suites see of gomalloc's inside.  Linked in only where the
 * kernel has KUnit; the symbols are in KUnit's namespace.
 */
#include <kunit/visibility.h>
#include <linux/percpu.h>
#include "arena.h"
#include "budget.h"
#include "debug.h"
#include "fail.h"
#include "failfile.h"
#include "goheap.h"
#include "granules.h"
#include "gopool.h"
#include "goreserve.h"
#include "guard.h"
#include "guarded.h"
#include "heaps.h"
#include "limitfile.h"
#include "malloc.h"
#include "mcache.h"
#include "mcentral.h"
#include "mheap.h"
#include "mspan.h"
#include "node.h"
#include "nolock.h"
#include "profile.h"
#include "report.h"
#include "sample.h"
#include "scan.h"
#include "scavenge.h"
#include "shrink.h"
#include "site.h"
#include "size_class.h"
#include "stats.h"
#include "tiny.h"
#include "tracked.h"
#include "views.h"

EXPORT_SYMBOL_IF_KUNIT(gom_class);
EXPORT_SYMBOL_IF_KUNIT(gom_free_magic);
EXPORT_SYMBOL_IF_KUNIT(gom_class_fine);
EXPORT_SYMBOL_IF_KUNIT(gom_class_coarse);

EXPORT_SYMBOL_IF_KUNIT(gom_mspan_alloc);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_free);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_cut);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_cut_slots);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_uncut);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_glimpse);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_take);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_give);
EXPORT_SYMBOL_IF_KUNIT(gom_mspan_random);

EXPORT_SYMBOL_IF_KUNIT(gom_fail_decides);
EXPORT_SYMBOL_IF_KUNIT(gom_fail_name);
EXPORT_SYMBOL_IF_KUNIT(gom_fail_read);
#ifdef CONFIG_FAULT_INJECTION
EXPORT_SYMBOL_IF_KUNIT(gom_fail_settings);
EXPORT_SYMBOL_IF_KUNIT(gom_failfile_set_probability);
#endif

EXPORT_SYMBOL_IF_KUNIT(gom_arena_next);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_alloc);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_free);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_free_large);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_free_list);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_release);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_sweep);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_get_pages);
EXPORT_SYMBOL_IF_KUNIT(gom_mheap_best_fit);

EXPORT_SYMBOL_IF_KUNIT(gom_goheap_alloc_beside);
EXPORT_SYMBOL_IF_KUNIT(gom_goheap_find);
EXPORT_SYMBOL_IF_KUNIT(gom_granules_begins);
EXPORT_SYMBOL_IF_KUNIT(gom_granules_check);
EXPORT_SYMBOL_IF_KUNIT(gom_heaps_place);
EXPORT_SYMBOL_IF_KUNIT(gom_heaps_add);
EXPORT_SYMBOL_IF_KUNIT(gom_heaps_sum);
EXPORT_SYMBOL_IF_KUNIT(gom_heaps_at);
EXPORT_SYMBOL_IF_KUNIT(gom_heapsite_next);

EXPORT_SYMBOL_IF_KUNIT(gom_limit_get);
EXPORT_SYMBOL_IF_KUNIT(gom_limit_hits);
EXPORT_SYMBOL_IF_KUNIT(gom_limit_pressed);
EXPORT_SYMBOL_IF_KUNIT(gom_limit_charged);
EXPORT_SYMBOL_IF_KUNIT(gom_limitfile_set);

EXPORT_SYMBOL_IF_KUNIT(gom_nodes);
EXPORT_SYMBOL_IF_KUNIT(gom_numa);
EXPORT_SYMBOL_IF_KUNIT(gom_node_nearest);
EXPORT_SYMBOL_IF_KUNIT(gom_node_alloc_span);
EXPORT_SYMBOL_IF_KUNIT(gom_magazine_next_cap);
EXPORT_SYMBOL_IF_KUNIT(gom_magazine_alloc);
EXPORT_SYMBOL_IF_KUNIT(gom_magazine_free);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_take);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_refill);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_flush);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_add_spare);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_trim);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_give);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_grow);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_shed);
EXPORT_SYMBOL_IF_KUNIT(gom_mcentral_shed_unused);

EXPORT_SYMBOL_IF_KUNIT(gom_mcache_cold);
EXPORT_SYMBOL_IF_KUNIT(gom_mcache_refill);
EXPORT_SYMBOL_IF_KUNIT(gom_mcache_count);
EXPORT_SYMBOL_IF_KUNIT(gom_mcache_trim);
EXPORT_SYMBOL_IF_KUNIT(gom_budget_of);
EXPORT_SYMBOL_IF_KUNIT(gom_budget_shift);
EXPORT_SYMBOL_IF_KUNIT(gom_budget_reset);

EXPORT_SYMBOL_IF_KUNIT(gom_tiny_cut);
EXPORT_SYMBOL_IF_KUNIT(gom_tiny_cut_new);
EXPORT_SYMBOL_IF_KUNIT(gom_tiny_free);
EXPORT_SYMBOL_IF_KUNIT(gom_tiny_size);
EXPORT_SYMBOL_IF_KUNIT(gom_tiny_drain);
EXPORT_SYMBOL_IF_KUNIT(gom_tiny_count);

EXPORT_SYMBOL_IF_KUNIT(gom_malloc_put);
EXPORT_SYMBOL_IF_KUNIT(gom_malloc_intact);
EXPORT_SYMBOL_IF_KUNIT(gom_malloc_forwarded);
EXPORT_SYMBOL_IF_KUNIT(gom_malloc_forwarded_frees);
EXPORT_SYMBOL_IF_KUNIT(gom_nolock_flush);
EXPORT_SYMBOL_IF_KUNIT(gom_scavenge_caches);
EXPORT_SYMBOL_IF_KUNIT(gom_scavenge_awake);
EXPORT_SYMBOL_IF_KUNIT(gom_scavenge_switch);
EXPORT_SYMBOL_IF_KUNIT(gom_scavenge_is_on);
EXPORT_SYMBOL_IF_KUNIT(gom_scavenge_read);

EXPORT_SYMBOL_IF_KUNIT(gom_shrink_enabled);
EXPORT_SYMBOL_IF_KUNIT(gom_shrink_count);
EXPORT_SYMBOL_IF_KUNIT(gom_shrink_scan);
EXPORT_SYMBOL_IF_KUNIT(gom_shrink_oom);
EXPORT_SYMBOL_IF_KUNIT(gom_shrink_read);

EXPORT_SYMBOL_IF_KUNIT(gom_scan_run);
EXPORT_SYMBOL_IF_KUNIT(gom_scan_free);

EXPORT_SYMBOL_IF_KUNIT(gom_report_count);
EXPORT_SYMBOL_IF_KUNIT(gom_report_name);
EXPORT_SYMBOL_IF_KUNIT(gom_report_last);
EXPORT_SYMBOL_IF_KUNIT(gom_stats_class);
EXPORT_SYMBOL_IF_KUNIT(gom_stats_waste);
EXPORT_SYMBOL_IF_KUNIT(gom_stats_cpu);
EXPORT_SYMBOL_IF_KUNIT(gom_stats_node);
EXPORT_SYMBOL_IF_KUNIT(gom_view_arenas_sops);
EXPORT_SYMBOL_IF_KUNIT(gom_view_spans_sops);
EXPORT_SYMBOL_IF_KUNIT(gom_view_metrics_sops);
EXPORT_SYMBOL_IF_KUNIT(gom_class_name);
EXPORT_SYMBOL_IF_KUNIT(gom_sys);
EXPORT_SYMBOL_IF_KUNIT(gom_meta);

EXPORT_SYMBOL_IF_KUNIT(gom_sample_set_rate);
EXPORT_SYMBOL_IF_KUNIT(gom_sample_set_counted);
EXPORT_SYMBOL_IF_KUNIT(gom_sample_set_debug);
EXPORT_SYMBOL_IF_KUNIT(gom_debug_is_on);
EXPORT_SYMBOL_IF_KUNIT(gom_debug_may_wait);
EXPORT_SYMBOL_IF_KUNIT(gom_debug_show);
EXPORT_SYMBOL_IF_KUNIT(gom_guard_interval);
EXPORT_SYMBOL_IF_KUNIT(gom_tracked_find_guarded);
EXPORT_SYMBOL_IF_KUNIT(gom_guarded_trim);
EXPORT_SYMBOL_IF_KUNIT(gom_sample_divert_allocs);
EXPORT_SYMBOL_IF_KUNIT(gom_sample_undivert_allocs);
EXPORT_SYMBOL_IF_KUNIT(gom_size_class_divert_frees);
EXPORT_SYMBOL_IF_KUNIT(gom_profile_next);
EXPORT_SYMBOL_IF_KUNIT(gom_profile_rate);
EXPORT_SYMBOL_IF_KUNIT(gom_profile_rate_of);
EXPORT_SYMBOL_IF_KUNIT(gom_profile_scale);
EXPORT_SYMBOL_IF_KUNIT(gom_profile_lifetimes);
EXPORT_SYMBOL_IF_KUNIT(gom_profile_peak);
EXPORT_SYMBOL_IF_KUNIT(gom_site_get);
EXPORT_SYMBOL_IF_KUNIT(gom_site_next);
EXPORT_SYMBOL_IF_KUNIT(gom_site_name);
EXPORT_SYMBOL_IF_KUNIT(gom_site_retire);
EXPORT_SYMBOL_IF_KUNIT(gom_site_show_counted);
EXPORT_SYMBOL_IF_KUNIT(gom_tracked_find);
EXPORT_SYMBOL_IF_KUNIT(gom_tracked_walk);
EXPORT_SYMBOL_IF_KUNIT(gom_tracked_failed);

EXPORT_SYMBOL_IF_KUNIT(gom_pool_check);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_trim);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_drain);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_is_worth);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_bytes);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_read);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_roots);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_retire);
EXPORT_SYMBOL_IF_KUNIT(gom_pool_adopt);
EXPORT_SYMBOL_IF_KUNIT(gom_reserve_read);
EXPORT_SYMBOL_IF_KUNIT(gom_reserve_roots);
