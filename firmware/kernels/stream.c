/* SPDX-License-Identifier: Apache-2.0 */
/* Streams between memory and scratchpad: keeps RDMA and WDMA busy with a program of the host, and
 * samples what they have moved. The core looks at the queues all the time, so that the samples are
 * close to each other. */
#include <stddef.h>

#include "kernels/bench.h"
#include "runtime/tessera_tile.h"

#define SEM_END 0u
#define SEM_READ 1u  /* taken by reads, given by writes */
#define SEM_WRITE 2u /* taken by writes, given by reads */
#define SEM_HEARD 3u /* counts blocks that other tiles read for this one */
#define LISTEN (16u | SEM_HEARD)

#define OFFSET(field) ((uint32_t)offsetof(tsr_stream_program_t, field))

/* One engine's list of steps. */
typedef struct {
  uint32_t engine;
  uint32_t first; /* scratchpad offset of step 0 */
  uint32_t count, next;
  uint32_t take, give; /* semaphores */
} list_t;

typedef struct {
  tsr_node_t *node;
  uint32_t program;
  list_t list[2]; /* reads, writes */
  uint32_t log, max_samples, samples, interval;
  uint32_t next_sample; /* cycle */
  uint32_t heard;       /* blocks that are to come from other tiles */
  uint32_t rect;        /* the launch's, as a command word */
} stream_t;

static uint32_t field(const stream_t *s, uint32_t offset) {
  return tsr_spm_read(s->program + offset);
}

/* Shape i into context i of both engines. */
static tsr_status_t load_shape(const stream_t *s, uint32_t i) {
  const uint32_t at = OFFSET(shape) + i * (uint32_t)sizeof(tsr_stream_shape_t);
  tsr_dma_shape_t shape = {.count = field(s, at), .timeout = 0};
  if (shape.count == 0) {
    return TSR_OK;
  }
  const uint32_t low = field(s, at + 16), high = field(s, at + 20);
  const tsr_dma_walk_t memory = {
      {(int32_t)field(s, at + 4), (int32_t)field(s, at + 8), (int32_t)field(s, at + 12)},
      {(uint16_t)low, (uint16_t)(low >> 16), (uint16_t)high}};
  const uint32_t rows = memory.iterations[0], planes = memory.iterations[1];
  const tsr_dma_walk_t dense = {
      {(int32_t)shape.count, (int32_t)(shape.count * rows), (int32_t)(shape.count * rows * planes)},
      {memory.iterations[0], memory.iterations[1], memory.iterations[2]}};
  shape.src = memory;
  shape.dst = dense;
  TSR_TRY(tsr_dma_set_context(&s->node->dma, TSR_DMA_RDMA, i, &shape));
  shape.src = dense;
  shape.dst = memory;
  return tsr_dma_set_context(&s->node->dma, TSR_DMA_WDMA, i, &shape);
}

static void push(const stream_t *s, list_t *l) {
  tsr_cmdq_t *queue = &s->node->queue[l->engine];
  const uint32_t at = l->first + l->next * (uint32_t)sizeof(tsr_stream_step_t);
  const uint32_t low = tsr_spm_read(at), high = tsr_spm_read(at + 4);
  const uint32_t spm = tsr_spm_read(at + 8), how = tsr_spm_read(at + 12);
  const uint32_t take = (how >> 8) & 0xff, give = (how >> 16) & 0xff;
  const uint32_t ctx_id = ((how & 7) << 8) | (l->next << 16);
  l->next++;
  uint32_t posts = give != 0 ? tsr_cmd_sem(l->give, give) : 0;
  posts |= l->next == l->count ? tsr_cmd_sem(SEM_END, 1) << 16 : 0;
  if (l->engine == TSR_ENGINE_RDMA) {
    const uint32_t op = how >> 24 != 0 ? TSR_OP_SPREAD : TSR_OP_DMA_READ;
    tsr_cmdq_stage(queue, TSR_CMD_W_OP, op | ctx_id | TSR_CMD_OVERLAP);
    tsr_cmdq_stage(queue, TSR_CMD_W_MCAST_RECT, s->rect);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG3, LISTEN);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG0, low);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG1, high);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG2, spm);
  } else {
    tsr_cmdq_stage(queue, TSR_CMD_W_OP, TSR_OP_DMA_WRITE | ctx_id);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG0, spm);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG2, low);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG3, high);
  }
  tsr_cmdq_stage(queue, TSR_CMD_W_WAITS, take != 0 ? tsr_cmd_sem(l->take, take) : 0);
  tsr_cmdq_stage(queue, TSR_CMD_W_POSTS, posts);
  tsr_cmdq_go(queue);
}

static tsr_status_t sample(stream_t *s) {
  const uint32_t at = s->log + s->samples * (uint32_t)sizeof(tsr_stream_sample_t);
  uint64_t read = 0, written = 0, heard = 0;
  TSR_TRY(tsr_tile_counter(&s->node->regs, 16 * TSR_ENGINE_RDMA + TSR_TILE_COUNTER_OPS, &read));
  const uint32_t now = (uint32_t)tsr_cycles();
  if (s->heard != 0) { /* else the time is better spent on commands */
    TSR_TRY(tsr_tile_counter(&s->node->regs, TSR_TILE_COUNTER_HEARD, &heard));
  }
  TSR_TRY(tsr_tile_counter(&s->node->regs, 16 * TSR_ENGINE_WDMA + TSR_TILE_COUNTER_OPS, &written));
  tsr_spm_write(at, now);
  tsr_spm_write(at + 4, (uint32_t)read + 64 * (uint32_t)heard);
  tsr_spm_write(at + 8, (uint32_t)written);
  s->samples++;
  s->next_sample = now + s->interval;
  return TSR_OK;
}

/* Push all steps and wait for the last ones, and for the other tiles' reads. */
static tsr_status_t run(stream_t *s) {
  uint32_t busy, heard = 0;
  do {
    tsr_cmdq_state_t states[TSR_ENGINES];
    TSR_TRY(tsr_cmdq_states(&s->node->queue[0], states));
    busy = 0;
    for (uint32_t i = 0; i < 2; i++) {
      list_t *l = &s->list[i];
      const tsr_cmdq_state_t *state = &states[l->engine];
      if (state->stopped) {
        return TSR_FAILED;
      }
      busy |= (uint32_t)(state->busy || l->next < l->count);
      for (uint32_t room = state->free; room > 0 && l->next < l->count; room--) {
        push(s, l);
      }
    }
    if (s->heard != 0) {
      TSR_TRY(tsr_tile_sem_read(&s->node->regs, SEM_HEARD, &heard));
      busy |= (uint32_t)(heard < s->heard);
    }
    if ((int32_t)((uint32_t)tsr_cycles() - s->next_sample) >= 0 &&
        s->samples + 1 < s->max_samples) {
      TSR_TRY(sample(s));
    }
  } while (busy != 0);
  for (uint32_t i = 0; i < 2; i++) {
    if (s->list[i].count != 0) {
      TSR_TRY(tsr_node_wait(s->node, SEM_END, 1, 0));
    }
  }
  if (s->heard != 0) {
    TSR_TRY(tsr_tile_sem_take(&s->node->regs, SEM_HEARD, s->heard));
  }
  return sample(s);
}

/* Semaphores to their first values; `credits` at the start, 0 in the end. */
static tsr_status_t set_semaphores(const stream_t *s, uint32_t credits) {
  TSR_TRY(tsr_tile_sem_clear(&s->node->regs, SEM_READ));
  TSR_TRY(tsr_tile_sem_clear(&s->node->regs, SEM_WRITE));
  return credits == 0 ? TSR_OK : tsr_tile_sem_post(&s->node->regs, SEM_READ, credits);
}

/* ABI: args is tsr_stream_args_t. Returns 0 or TSR_KERNEL_*. */
int kernel_stream(const tsr_launch_t *launch);
int kernel_stream(const tsr_launch_t *launch) {
  const tsr_stream_args_t *args = (const tsr_stream_args_t *)(const void *)launch->args;
  const uint32_t step_bytes = (uint32_t)sizeof(tsr_stream_step_t);
  stream_t s = {.node = tsr_self(), .program = args->program};
  const uint32_t spm_bytes = s.node->self.spm_bytes;
  if (launch->args_bytes < sizeof(*args) || args->program % 64 != 0 ||
      args->program > spm_bytes - sizeof(tsr_stream_program_t)) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  const uint32_t reads = field(&s, OFFSET(reads)), writes = field(&s, OFFSET(writes));
  const uint32_t steps = args->program + (uint32_t)sizeof(tsr_stream_program_t);
  s.max_samples = field(&s, OFFSET(max_samples));
  s.interval = field(&s, OFFSET(interval));
  s.heard = field(&s, OFFSET(heard));
  s.rect = tsr_cmd_rect((tsr_rect_t){launch->x0, launch->y0, launch->x1, launch->y1});
  s.log = steps + (reads + writes) * step_bytes;
  if (reads > spm_bytes || writes > spm_bytes || s.max_samples > spm_bytes || s.max_samples < 2 ||
      s.log + s.max_samples * sizeof(tsr_stream_sample_t) > spm_bytes) {
    return TSR_KERNEL_NO_MEMORY;
  }
  s.list[0] = (list_t){TSR_ENGINE_RDMA, steps, reads, 0, SEM_READ, SEM_WRITE};
  s.list[1] = (list_t){TSR_ENGINE_WDMA, steps + reads * step_bytes, writes, 0, SEM_WRITE, SEM_READ};
  for (uint32_t i = 0; i < TSR_STREAM_SHAPES; i++) {
    TSR_KERNEL_TRY(load_shape(&s, i), TSR_KERNEL_HARDWARE);
  }
  TSR_KERNEL_TRY(set_semaphores(&s, field(&s, OFFSET(credits))), TSR_KERNEL_BAD_SHAPE);
  TSR_KERNEL_TRY(tsr_tile_counters_clear(&s.node->regs), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(sample(&s), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(run(&s), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(set_semaphores(&s, 0), TSR_KERNEL_HARDWARE);
  tsr_spm_write(s.program + OFFSET(samples), s.samples);
  return 0;
}
