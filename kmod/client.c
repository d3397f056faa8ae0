// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: the modules that may use gomalloc.
 *
 * Who imports its symbols is loaded after it, so the modules that came since
 * are all there can be.  Their data is where a scan for leaks begins, and
 * when one of them goes, what it still holds is told.
 *
 * Called by the module loader in process context, after a module's memory is
 * there, after its init function has run and before its memory goes away: of a
 * module that is unloaded, after its exit function.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include "client.h"
#include "compat.h"
#include "gopool.h"
#include "heaps.h"
#include "held.h"
#include "site.h"

struct client {
	struct list_head list;
	struct module *module;
};

/* Guards the list, and keeps its modules' data in place. */
static DEFINE_MUTEX(clients_lock);
static LIST_HEAD(clients);

static void add(struct module *module)
{
	struct client *client = kmalloc(sizeof(*client),
					GFP_KERNEL | __GFP_NOFAIL);

	client->module = module;
	mutex_lock(&clients_lock);
	list_add_tail(&client->list, &clients);
	mutex_unlock(&clients_lock);
}

static void remove(const struct module *module)
{
	struct client *client;

	mutex_lock(&clients_lock);
	list_for_each_entry(client, &clients, list) {
		if (client->module == module) {
			list_del(&client->list);
			kfree(client);
			break;
		}
	}
	mutex_unlock(&clients_lock);
}

static int notice(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *module = data;

	switch (state) {
	case MODULE_STATE_COMING:
		add(module);
		break;
	case MODULE_STATE_LIVE:
		/* Its init function has run and is freed next. */
		gom_site_retire_init(module);
		break;
	case MODULE_STATE_GOING:
		gom_pool_retire(module);
		gom_held_report(module->name);
		gom_heaps_report(module->name);
		gom_site_retire(module);
		remove(module);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block notifier = {
	.notifier_call = notice,
};

static void visit_module(const struct module *module,
			 void (*visit)(void *data, size_t size, void *arg),
			 void *arg)
{
	void __percpu *percpu;
	unsigned int i;
	size_t size;
	void *data;
	int cpu;

	for (i = 0; i < GOM_MODULE_DATA_PARTS; i++) {
		data = gom_compat_module_data(module, i, &size);
		visit(data, size, arg);
	}
	percpu = gom_compat_module_percpu(module, &size);
	if (size)
		for_each_possible_cpu(cpu)
			visit(per_cpu_ptr(percpu, cpu), size, arg);
}

/* Call @visit for the data of each client.  No module goes meanwhile. */
void gom_client_walk(void (*visit)(void *data, size_t size, void *arg),
		     void *arg)
{
	struct client *client;

	mutex_lock(&clients_lock);
	list_for_each_entry(client, &clients, list)
		visit_module(client->module, visit, arg);
	mutex_unlock(&clients_lock);
}

int __init gom_client_init(void)
{
	return register_module_notifier(&notifier);
}

void gom_client_exit(void)
{
	struct client *client, *next;

	unregister_module_notifier(&notifier);
	/* Modules that do not use gomalloc. */
	list_for_each_entry_safe(client, next, &clients, list)
		kfree(client);
}
