// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that are freed when a driver leaves its device, by the kernel's
 * devres.  Most of what drivers call is inline in
 * include/linux/gomalloc_devm.h.
 *
 * Called wherever devm_kmalloc() and devm_kfree() are; the device's devres
 * lock is the kernel's own, and nothing of gomalloc is called under it.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/gomalloc_devm.h>
#include "fail.h"
#include "malloc.h"
#include "report.h"

static void gofree_with_device(struct device *dev, void *res)
{
	gofree(*(void **)res);
}

static int is_same(struct device *dev, void *res, void *obj)
{
	return *(void **)res == obj;
}

/**
 * devm_goadopt - have an object freed when a driver leaves its device
 * @dev: the device
 * @obj: from gomalloc() and its like, %NULL or %ZERO_SIZE_PTR
 * @gfp: as for devm_kmalloc(), for what remembers it
 *
 * Context: as gomalloc() with @gfp.
 * Return: @obj, or %NULL with it freed if there is no memory.
 */
void *devm_goadopt(struct device *dev, void *obj, gfp_t gfp)
{
	void **res;

	if (ZERO_OR_NULL_PTR(obj))
		return obj;
	res = gom_try(DEVRES, sizeof(*res), gfp,
		      devres_alloc(gofree_with_device, sizeof(*res),
				   GOM_GFP_META(gfp)));
	if (!res) {
		gofree(obj);
		return NULL;
	}
	*res = obj;
	devres_add(dev, res);
	return obj;
}
EXPORT_SYMBOL_GPL(devm_goadopt);

/**
 * devm_gofree - free an object of a device at once
 * @dev: the device
 * @obj: from devm_gomalloc() and its like for @dev; %NULL and %ZERO_SIZE_PTR
 *	do nothing
 *
 * What is not the device's, or is not any more, is reported and left alone.
 *
 * Context: as gofree().
 */
void devm_gofree(struct device *dev, const void *obj)
{
	if (ZERO_OR_NULL_PTR(obj))
		return;
	if (devres_release(dev, gofree_with_device, is_same, (void *)obj))
		gom_report(GOM_DEVM_FREE, obj, _RET_IP_);
}
EXPORT_SYMBOL_GPL(devm_gofree);

/**
 * devm_gorealloc - resize an object of a device
 * @dev: the device
 * @obj: from devm_gomalloc() and its like for @dev, or %NULL
 * @new_size: bytes wanted; 0 frees
 * @gfp: as for gorealloc()
 *
 * What is not the device's is reported and left alone.
 *
 * Context: as gomalloc().
 * Return: as gorealloc().
 */
void *devm_gorealloc(struct device *dev, void *obj, size_t new_size, gfp_t gfp)
{
	void **res, *new;

	if (!new_size) {
		devm_gofree(dev, obj);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(obj))
		return devm_goadopt(dev, gom_malloc(new_size, gfp, _RET_IP_),
				    gfp);
	res = devres_find(dev, gofree_with_device, is_same, obj);
	if (!res) {
		gom_report(GOM_DEVM_FREE, obj, _RET_IP_);
		return NULL;
	}
	new = gorealloc(obj, new_size, gfp);
	if (new)
		*res = new;
	return new;
}
EXPORT_SYMBOL_GPL(devm_gorealloc);
