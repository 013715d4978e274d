/* SPDX-License-Identifier: Apache-2.0 */
/* Vendors' libraries in this process: each file once, however many devices and profiles name it. */
#include "driver/sdf/library_internal.h"

#include "driver/sdf/profile_internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct {
	pthread_mutex_t lock;
	struct sdf_image *images;
	struct sdf_library *libraries;
	bool fork_handler;
} loaded = {.lock = PTHREAD_MUTEX_INITIALIZER};

/*
 * A child has the libraries, and none of the threads that held a lock. The parent's devices are not its own: it opens
 * others (the driver is not fork-safe), and closes none of those, whose connections the parent goes on to use.
 */
static void after_fork_child(void)
{
	pthread_mutex_init(&loaded.lock, NULL);
	for (struct sdf_image *image = loaded.images; image; image = image->next) {
		turn_init(&image->gate);
		pthread_mutex_init(&image->lock, NULL);
		image->devices = NULL;
		image->ndevices = 0;
	}
}

static struct sdf_image *find_image_locked(const struct stat *st)
{
	struct sdf_image *image = loaded.images;
	while (image && (image->dev != st->st_dev || image->ino != st->st_ino))
		image = image->next;
	return image;
}

static struct sdf_image *new_image(const char *path, const struct stat *st, void *dl)
{
	struct sdf_image *image = calloc(1, sizeof(*image));
	if (image)
		image->path = strdup(path);
	if (!image || !image->path) {
		free(image);
		return NULL;
	}
	image->dev = st->st_dev;
	image->ino = st->st_ino;
	image->dl = dl;
	turn_init(&image->gate);
	pthread_mutex_init(&image->lock, NULL);
	return image;
}

/* RTLD_NODELETE: threads of a vendor's library, and thread-local destructors, outlive any dlclose. */
static enum hufu_err load_locked(const char *path, const struct stat *st, struct sdf_image **out, char *err, size_t err_len)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!dl) {
		snprintf(err, err_len, "library %s cannot be loaded: %s. Check that it was built for this machine and that what it needs "
		         "is installed", path, dlerror());
		return HUFU_ERR_CONFIG;
	}
	struct sdf_image *image = new_image(path, st, dl);
	if (!image) {
		snprintf(err, err_len, "memory is out");
		dlclose(dl);
		return HUFU_ERR_NO_MEMORY;
	}
	image->next = loaded.images;
	loaded.images = image;
	*out = image;
	return HUFU_OK;
}

static enum hufu_err find_or_load_locked(const char *path, struct sdf_image **image, char *err, size_t err_len)
{
	struct stat st;
	char why[384];
	if (conf_check_file(path, why, sizeof(why)) != HUFU_OK || stat(path, &st) != 0) {
		snprintf(err, err_len, "library %s is not trusted: %s", path, why);
		return HUFU_ERR_CONFIG;
	}
	*image = find_image_locked(&st);
	return *image ? HUFU_OK : load_locked(path, &st, image, err, err_len);
}

static struct sdf_library *find_library_locked(const struct sdf_image *image, const struct sdf_profile *profile)
{
	struct sdf_library *library = loaded.libraries;
	while (library && (library->image != image || !profile_equal(library->profile, profile)))
		library = library->next;
	return library;
}

static enum hufu_err new_library_locked(struct sdf_image *image, const struct sdf_profile *profile, struct sdf_library **out,
                                        char *err, size_t err_len)
{
	struct sdf_library *library = calloc(1, sizeof(*library));
	if (library)
		library->profile = profile_copy(profile);
	if (!library || !library->profile) {
		snprintf(err, err_len, "memory is out");
		free(library);
		return HUFU_ERR_NO_MEMORY;
	}
	library->image = image;
	if (!library_find_functions(library, err, err_len)) {
		sdf_profile_free(library->profile);
		free(library);
		return HUFU_ERR_CONFIG;
	}
	library->next = loaded.libraries;
	loaded.libraries = library;
	*out = library;
	return HUFU_OK;
}

enum hufu_err sdf_library_open(const char *path, const struct sdf_profile *profile, struct sdf_library **out, char *err,
                               size_t err_len)
{
	struct sdf_image *image;
	pthread_mutex_lock(&loaded.lock);
	if (!loaded.fork_handler)
		loaded.fork_handler = pthread_atfork(NULL, NULL, after_fork_child) == 0;
	enum hufu_err result = find_or_load_locked(path, &image, err, err_len);
	if (result == HUFU_OK) {
		*out = find_library_locked(image, profile);
		if (!*out)
			result = new_library_locked(image, profile, out, err, err_len);
	}
	pthread_mutex_unlock(&loaded.lock);
	return result;
}

bool sdf_can(const struct sdf_library *library, enum sdf_call call)
{
	return library->can >> call & 1;
}

const struct sdf_profile *sdf_library_profile(const struct sdf_library *library)
{
	return library->profile;
}

void *sdf_library_symbol(const struct sdf_library *library, const char *name)
{
	return dlsym(library->image->dl, name);
}
