// SPDX-License-Identifier: GPL-2.0
/*
 * Has a pool, a reserve and objects of a device, for selftests/pools.sh to
 * look at.
 *
 *	insmod gomalloc_pools.ko forget=1
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/gomalloc_devm.h>
#include <linux/gopool.h>
#include <linux/goreserve.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#define NR_POOLED	10
#define NR_RESERVED	5

static bool forget;
module_param(forget, bool, 0444);
MODULE_PARM_DESC(forget, "do not destroy the pool when the module goes");

static struct gopool *pool;
static struct goreserve *reserve;
static struct device *dev;
static const char *label;
static void *kept;

static int make(void *obj, gfp_t gfp, void *arg)
{
	memset(obj, 0x5a, 200);
	return 0;
}

static void unmake(void *obj, void *arg)
{
	WARN_ON_ONCE(memchr_inv(obj, 0x5a, 200));
}

static const struct gopool_params params = {
	.ctor = make,
	.dtor = unmake,
};

/* All but one go back; the first of them into the CPU's slot. */
static int use_pool(void)
{
	void *objs[NR_POOLED] = {};
	int i;

	for (i = 0; i < NR_POOLED; i++) {
		objs[i] = gopool_get(pool, GFP_KERNEL);
		if (!objs[i])
			break;
	}
	if (i < NR_POOLED) {
		while (i)
			gopool_put(pool, objs[--i]);
		return -ENOMEM;
	}
	for (i = 1; i < NR_POOLED; i++)
		gopool_put(pool, objs[i]);
	kept = objs[0];
	return 0;
}

static void undo(void)
{
	if (!IS_ERR_OR_NULL(dev))
		root_device_unregister(dev);
	goreserve_destroy(reserve);
	if (forget)
		return;
	if (kept)
		gopool_put(pool, kept);
	gopool_destroy(pool);
}

static int __init pools_init(void)
{
	int err;

	pool = gopool_create("selftest", 200, &params);
	reserve = goreserve_create("selftest", 100, NR_RESERVED, GFP_KERNEL);
	dev = root_device_register("gomalloc_pools");
	err = PTR_ERR_OR_ZERO(pool) ?: PTR_ERR_OR_ZERO(reserve) ?:
	      PTR_ERR_OR_ZERO(dev);
	if (!err) {
		label = devm_goasprintf(dev, GFP_KERNEL, "%s", "of the device");
		err = label ? 0 : -ENOMEM;
	}
	if (!err)
		err = use_pool();
	if (err) {
		forget = false;
		undo();
	}
	return err;
}
module_init(pools_init);

static void __exit pools_exit(void)
{
	WARN_ON_ONCE(strcmp(label, "of the device"));
	undo();
}
module_exit(pools_exit);

MODULE_DESCRIPTION("Has a pool, a reserve and objects of a device");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
