/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gomalloc's memory for drivers: what devm_kmalloc() and its like are to
 * kmalloc.  An object is freed when the driver leaves the device, or does not
 * come to it.  Arguments, return values and contexts are those of the devm_
 * function of the same shape.
 */
#ifndef _LINUX_GOMALLOC_DEVM_H
#define _LINUX_GOMALLOC_DEVM_H

#include <linux/gomalloc.h>

struct device;

void *devm_goadopt(struct device *dev, void *obj, gfp_t gfp);
void devm_gofree(struct device *dev, const void *obj);
void *devm_gorealloc(struct device *dev, void *obj, size_t new_size, gfp_t gfp)
	__realloc_size(3);

/**
 * devm_gomalloc - allocate memory for as long as a driver has its device
 * @dev: the device
 * @size: bytes wanted; 0 gives %ZERO_SIZE_PTR
 * @gfp: as for devm_kmalloc()
 *
 * Context: as gomalloc().
 * Return: the object, which devm_gofree() may free earlier, or %NULL.
 */
static __always_inline __alloc_size(2)
void *devm_gomalloc(struct device *dev, size_t size, gfp_t gfp)
{
	return devm_goadopt(dev, gomalloc(size, gfp), gfp);
}

/**
 * devm_gozalloc - devm_gomalloc(), zeroed
 * @dev: the device
 * @size: bytes wanted
 * @gfp: as for devm_kzalloc()
 *
 * Context: as gomalloc().
 * Return: the object, or %NULL.
 */
static __always_inline __alloc_size(2)
void *devm_gozalloc(struct device *dev, size_t size, gfp_t gfp)
{
	return devm_gomalloc(dev, size, gfp | __GFP_ZERO);
}

/**
 * devm_gomalloc_array - devm_gomalloc() for an array
 * @dev: the device
 * @n: elements
 * @size: bytes per element
 * @gfp: as for devm_kmalloc_array()
 *
 * Context: as gomalloc().
 * Return: the array, or %NULL, also where @n * @size overflows.
 */
static __always_inline __alloc_size(2, 3)
void *devm_gomalloc_array(struct device *dev, size_t n, size_t size, gfp_t gfp)
{
	return devm_goadopt(dev, gomalloc_array(n, size, gfp), gfp);
}

/**
 * devm_gocalloc - devm_gomalloc() for an array, zeroed
 * @dev: the device
 * @n: elements
 * @size: bytes per element
 * @gfp: as for devm_kcalloc()
 *
 * Context: as gomalloc().
 * Return: the array, or %NULL, also where @n * @size overflows.
 */
static __always_inline __alloc_size(2, 3)
void *devm_gocalloc(struct device *dev, size_t n, size_t size, gfp_t gfp)
{
	return devm_gomalloc_array(dev, n, size, gfp | __GFP_ZERO);
}

/**
 * devm_gomemdup - duplicate memory for as long as a driver has its device
 * @dev: the device
 * @src: what to copy
 * @len: bytes
 * @gfp: as for devm_kmemdup()
 *
 * Context: as gomalloc().
 * Return: the copy, or %NULL.
 */
static inline void *devm_gomemdup(struct device *dev, const void *src,
				  size_t len, gfp_t gfp)
{
	return devm_goadopt(dev, gomemdup(src, len, gfp), gfp);
}

/**
 * devm_gostrdup - duplicate a string for as long as a driver has its device
 * @dev: the device
 * @s: the string, or %NULL
 * @gfp: as for devm_kstrdup()
 *
 * Context: as gomalloc().
 * Return: the copy, or %NULL.
 */
static inline char *devm_gostrdup(struct device *dev, const char *s, gfp_t gfp)
{
	return devm_goadopt(dev, gostrdup(s, gfp), gfp);
}

/**
 * devm_govasprintf - print into a string for as long as a driver has its device
 * @dev: the device
 * @gfp: as for devm_kvasprintf()
 * @fmt: format
 * @args: its arguments
 *
 * Context: as gomalloc().
 * Return: the string, or %NULL.
 */
static inline __printf(3, 0)
char *devm_govasprintf(struct device *dev, gfp_t gfp, const char *fmt,
		       va_list args)
{
	return devm_goadopt(dev, govasprintf(gfp, fmt, args), gfp);
}

/**
 * devm_goasprintf - print into a string for as long as a driver has its device
 * @dev: the device
 * @gfp: as for devm_kasprintf()
 * @fmt: format
 *
 * Context: as gomalloc().
 * Return: the string, or %NULL.
 */
static inline __printf(3, 4)
char *devm_goasprintf(struct device *dev, gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = devm_govasprintf(dev, gfp, fmt, args);
	va_end(args);
	return s;
}

#endif /* _LINUX_GOMALLOC_DEVM_H */
