/* A plugin execution provider for the tests, built by them with a C compiler.

   It takes float32 Neg and Relu of fixed shapes, one node at a time, and is what its name says
   it is: the name that it is registered under decides how it behaves.

     AcmeEP            works
     AcmeIdleEP        takes no node, so that ONNX Runtime runs them all on the CPU
     AcmeFussyEP       fails on dimensions that are left open
     AcmeAbsentEP      offers no device
     AcmeAbortEP       ends the process when a session is made
     AcmeAbortLoadEP   ends the process when the library is loaded

   ONNX Runtime's interface is declared here as far as it is used: its tables of functions only
   ever grow at their ends, so that a number stands for a function (of version 23 and later). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 23
#define EXPORT __attribute__((visibility("default")))

typedef void Status; /* NULL is success */
typedef void (*Function)(void);

enum {
  CREATE_STATUS = 0,
  GET_TENSOR_MUTABLE_DATA = 51,
  CAST_TYPE_INFO_TO_TENSOR_INFO = 55,
  GET_TENSOR_ELEMENT_TYPE = 60,
  GET_DIMENSIONS_COUNT = 61,
  GET_DIMENSIONS = 62,
  GET_TENSOR_SHAPE_ELEMENT_COUNT = 64,
  GET_TENSOR_TYPE_AND_SHAPE = 65,
  KERNEL_CONTEXT_GET_INPUT = 90,
  KERNEL_CONTEXT_GET_OUTPUT = 91,
  RELEASE_TENSOR_TYPE_AND_SHAPE_INFO = 99,
  GET_VALUE_INFO_TYPE_INFO = 290,
  GET_EP_API = 317,
  GRAPH_GET_NUM_NODES = 344,
  GRAPH_GET_NODES = 345,
  NODE_GET_OPERATOR_TYPE = 350,
  NODE_GET_INPUTS = 354,
};

enum { CREATE_EP_DEVICE = 0, ADD_NODES_TO_FUSE = 2 };

enum { FAIL = 1, FLOAT32 = 1, MOST_NODES = 64, MOST_DIMENSIONS = 8 };

typedef struct {
  const Function *(*get_api)(uint32_t version);
  const char *(*version)(void);
} ApiBase;

typedef struct Factory {
  uint32_t version;
  const char *(*name)(const struct Factory *);
  const char *(*vendor)(const struct Factory *);
  Status *(*devices)(struct Factory *, const void *const *hardware, size_t count, void **found,
                     size_t most, size_t *number);
  Status *(*create)(struct Factory *, const void *const *hardware, const void *const *metadata,
                    size_t count, const void *options, const void *logger, void **ep);
  void (*release)(struct Factory *, void *ep);
  uint32_t (*vendor_id)(const struct Factory *);
  const char *(*ep_version)(const struct Factory *);
  Function unused[3]; /* compiled models, allocators */
  Status *(*transfer)(struct Factory *, void **found);
  bool (*knows_streams)(const struct Factory *);
  Function unused_too[4];
  char registered[64];
} Factory;

typedef struct Computing {
  uint32_t version;
  Status *(*begin)(struct Computing *, void *context, void **state);
  Status *(*compute)(struct Computing *, void *state, void *context);
  void (*end)(struct Computing *, void *state);
  bool negates;
} Computing;

typedef struct Ep {
  uint32_t version;
  const char *(*name)(const struct Ep *);
  Status *(*capability)(struct Ep *, const void *graph, void *support);
  Status *(*compile)(struct Ep *, const void **graphs, const void **nodes, size_t count,
                     Computing **made, void **contexts);
  void (*release)(struct Ep *, Computing **made, size_t count);
  Function unused[12];
  const char *registered;
} Ep;

static const Function *api, *ep_api;

static void *call(int number, const void *from) {
  void *found = NULL;
  ((Status * (*)(const void *, void **)) api[number])(from, &found);
  return found;
}

static const char *operator_of(const void *node) { return call(NODE_GET_OPERATOR_TYPE, node); }

static size_t nodes_of(const void *graph, const void **nodes) {
  size_t count = 0;
  ((Status * (*)(const void *, size_t *)) api[GRAPH_GET_NUM_NODES])(graph, &count);
  if (count > MOST_NODES) return 0;
  ((Status * (*)(const void *, const void **, size_t)) api[GRAPH_GET_NODES])(graph, nodes, count);
  return count;
}

static bool is_fixed_float(const void *node) {
  const void *value = NULL;
  ((Status * (*)(const void *, const void **, size_t)) api[NODE_GET_INPUTS])(node, &value, 1);
  void *tensor = call(CAST_TYPE_INFO_TO_TENSOR_INFO, call(GET_VALUE_INFO_TYPE_INFO, value));
  int element = 0;
  size_t rank = 0;
  int64_t lengths[MOST_DIMENSIONS];
  if (tensor == NULL) return false;
  ((Status * (*)(const void *, int *)) api[GET_TENSOR_ELEMENT_TYPE])(tensor, &element);
  ((Status * (*)(const void *, size_t *)) api[GET_DIMENSIONS_COUNT])(tensor, &rank);
  if (element != FLOAT32 || rank > MOST_DIMENSIONS) return false;
  ((Status * (*)(const void *, int64_t *, size_t)) api[GET_DIMENSIONS])(tensor, lengths, rank);
  for (size_t i = 0; i < rank; i++)
    if (lengths[i] < 0) return false;
  return true;
}

static Status *begin(Computing *this, void *context, void **state) {
  (void)this, (void)context;
  *state = NULL;
  return NULL;
}

static void end(Computing *this, void *state) { (void)this, (void)state; }

static Status *compute(Computing *this, void *state, void *context) {
  const void *input = NULL;
  void *output = NULL;
  int64_t lengths[MOST_DIMENSIONS];
  size_t rank = 0, count = 0;
  (void)state;
  ((Status * (*)(void *, size_t, const void **)) api[KERNEL_CONTEXT_GET_INPUT])(context, 0,
                                                                              &input);
  void *info = call(GET_TENSOR_TYPE_AND_SHAPE, input);
  ((Status * (*)(const void *, size_t *)) api[GET_DIMENSIONS_COUNT])(info, &rank);
  ((Status * (*)(const void *, int64_t *, size_t)) api[GET_DIMENSIONS])(info, lengths, rank);
  ((Status * (*)(const void *, size_t *)) api[GET_TENSOR_SHAPE_ELEMENT_COUNT])(info, &count);
  ((void (*)(void *))api[RELEASE_TENSOR_TYPE_AND_SHAPE_INFO])(info);
  ((Status * (*)(void *, size_t, const int64_t *, size_t, void **))
       api[KERNEL_CONTEXT_GET_OUTPUT])(context, 0, lengths, rank, &output);
  const float *x = call(GET_TENSOR_MUTABLE_DATA, input);
  float *y = call(GET_TENSOR_MUTABLE_DATA, output);
  for (size_t i = 0; i < count; i++) y[i] = this->negates ? -x[i] : x[i] < 0 ? 0 : x[i];
  return NULL;
}

static const char *ep_name(const Ep *this) { return this->registered; }

static bool is_fussy(const Ep *this) { return strcmp(this->registered, "AcmeFussyEP") == 0; }

static Status *capability(Ep *this, const void *graph, void *support) {
  const void *nodes[MOST_NODES];
  size_t count = strcmp(this->registered, "AcmeIdleEP") == 0 ? 0 : nodes_of(graph, nodes);
  for (size_t i = 0; i < count; i++) {
    const char *op = operator_of(nodes[i]);
    bool takes = is_fussy(this) || is_fixed_float(nodes[i]);
    if (takes && (strcmp(op, "Neg") == 0 || strcmp(op, "Relu") == 0))
      ((Status * (*)(void *, const void **, size_t, const void *)) ep_api[ADD_NODES_TO_FUSE])(
          support, &nodes[i], 1, NULL);
  }
  return NULL;
}

static Status *compile(Ep *this, const void **graphs, const void **fused, size_t count,
                       Computing **made, void **contexts) {
  const void *nodes[MOST_NODES];
  (void)fused, (void)contexts;
  for (size_t i = 0; i < count; i++) {
    nodes_of(graphs[i], nodes);
    if (is_fussy(this) && !is_fixed_float(nodes[0]))
      return ((Status * (*)(int, const char *)) api[CREATE_STATUS])(FAIL, "an open dimension");
    made[i] = malloc(sizeof(Computing));
    *made[i] = (Computing){VERSION, begin, compute, end, strcmp(operator_of(nodes[0]), "Neg") == 0};
  }
  return NULL;
}

static void release_compiled(Ep *this, Computing **made, size_t count) {
  (void)this;
  for (size_t i = 0; i < count; i++) free(made[i]);
}

static const char *name(const Factory *this) { return this->registered; }

static const char *vendor(const Factory *this) {
  (void)this;
  return "Acme";
}

static uint32_t vendor_id(const Factory *this) {
  (void)this;
  return 0xACE;
}

static const char *ep_version(const Factory *this) {
  (void)this;
  return "1.2.3";
}

static Status *transfer(Factory *this, void **found) {
  (void)this;
  *found = NULL; /* its memory is the host's */
  return NULL;
}

static bool knows_streams(const Factory *this) {
  (void)this;
  return false;
}

static Status *devices(Factory *this, const void *const *hardware, size_t count, void **found,
                       size_t most, size_t *number) {
  *number = 0;
  if (count == 0 || most == 0 || strcmp(this->registered, "AcmeAbsentEP") == 0) return NULL;
  *number = 1;
  return ((Status * (*)(Factory *, const void *, const void *, const void *, void **))
              ep_api[CREATE_EP_DEVICE])(this, hardware[0], NULL, NULL, found);
}

static Status *create(Factory *this, const void *const *hardware, const void *const *metadata,
                      size_t count, const void *options, const void *logger, void **ep) {
  (void)hardware, (void)metadata, (void)count, (void)options, (void)logger;
  if (strcmp(this->registered, "AcmeAbortEP") == 0) abort();
  Ep *made = calloc(1, sizeof(Ep));
  made->version = VERSION;
  made->name = ep_name;
  made->capability = capability;
  made->compile = compile;
  made->release = release_compiled;
  made->registered = this->registered;
  *ep = made;
  return NULL;
}

static void release(Factory *this, void *ep) {
  (void)this;
  free(ep);
}

EXPORT Status *CreateEpFactories(const char *registered, const ApiBase *base, const void *logger,
                                 Factory **factories, size_t most, size_t *number) {
  (void)logger;
  if (strcmp(registered, "AcmeAbortLoadEP") == 0) abort();
  api = base->get_api(VERSION);
  ep_api = ((const Function *(*)(void))api[GET_EP_API])();
  Factory *made = calloc(1, sizeof(Factory));
  made->version = VERSION;
  made->name = name;
  made->vendor = vendor;
  made->devices = devices;
  made->create = create;
  made->release = release;
  made->vendor_id = vendor_id;
  made->ep_version = ep_version;
  made->transfer = transfer;
  made->knows_streams = knows_streams;
  strncpy(made->registered, registered, sizeof made->registered - 1);
  *number = most > 0;
  factories[0] = made;
  return NULL;
}

EXPORT Status *ReleaseEpFactory(Factory *factory) {
  free(factory);
  return NULL;
}
