/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/common/image.h"

#include <stddef.h>

tsr_status_t tsr_image_read_header(tsr_node_t *node, uint64_t image, tsr_image_header_t *header) {
  if (node == NULL || header == NULL) {
    return TSR_INVALID;
  }
  TSR_TRY(tsr_node_read(node, image, TSR_IMAGE_SPM_HEADER, sizeof(*header)));
  uint32_t *words = (uint32_t *)header;
  for (uint32_t i = 0; i < sizeof(*header) / 4; i++) {
    words[i] = tsr_spm_read(TSR_IMAGE_SPM_HEADER + 4 * i);
  }
  return TSR_OK;
}

/* Whether a segment lies in one core memory, below `dtcm_end` in the data memory. */
static uint32_t segment_fits(const tsr_image_segment_t *s, uint32_t total, uint32_t dtcm_end) {
  if (((s->dest | s->offset | s->bytes) & 63) != 0 || s->bytes == 0 || s->bytes > total ||
      s->offset < sizeof(tsr_image_header_t) || s->offset > total - s->bytes) {
    return 0;
  }
  if (s->dest < TSR_DTCM_BASE) {
    return s->bytes <= TSR_DTCM_BASE - s->dest;
  }
  return s->dest < dtcm_end && s->bytes <= dtcm_end - s->dest;
}

uint32_t tsr_image_check(const tsr_image_header_t *header, const uint32_t dtcm_end[2]) {
  if (header->magic != TSR_IMAGE_MAGIC) {
    return 1;
  }
  if (header->version != TSR_IMAGE_VERSION) {
    return 2;
  }
  if (header->total_bytes < sizeof(*header) || header->total_bytes > TSR_IMAGE_MAX_BYTES ||
      (header->total_bytes & 3) != 0) {
    return 3;
  }
  if (header->segment_count == 0 || header->segment_count > TSR_IMAGE_MAX_SEGMENTS) {
    return 4;
  }
  if (((header->ctl_entry | header->tile_entry) & 3) != 0 || header->ctl_entry >= TSR_TCM_BYTES ||
      header->tile_entry >= TSR_TCM_BYTES) {
    return 5;
  }
  for (uint32_t i = 0; i < header->segment_count; i++) {
    const tsr_image_segment_t *s = &header->segments[i];
    if (s->target > TSR_TARGET_TILES ||
        !segment_fits(s, header->total_bytes, dtcm_end[s->target])) {
      return 16 + i;
    }
  }
  return 0;
}

tsr_status_t tsr_image_load(tsr_node_t *node, uint64_t image, const tsr_image_header_t *header,
                            uint32_t target, tsr_image_send_t send, void *nodes) {
  if (node == NULL || header == NULL || send == NULL) {
    return TSR_INVALID;
  }
  for (uint32_t i = 0; i < header->segment_count; i++) {
    const tsr_image_segment_t *s = &header->segments[i];
    for (uint32_t done = 0; s->target == target && done < s->bytes;) {
      const uint32_t left = s->bytes - done;
      const uint32_t part = left < TSR_IMAGE_STAGE_BYTES ? left : TSR_IMAGE_STAGE_BYTES;
      TSR_TRY(tsr_node_read(node, image + s->offset + done, TSR_IMAGE_SPM_STAGE, part));
      TSR_TRY(send(nodes, s->dest + done, part));
      done += part;
    }
  }
  return TSR_OK;
}
