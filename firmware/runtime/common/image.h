/* SPDX-License-Identifier: Apache-2.0 */
/* Loading of boot image segments through the ctl node's scratchpad. */
#ifndef TSR_RUNTIME_IMAGE_H
#define TSR_RUNTIME_IMAGE_H

#include "runtime/common/node.h"
#include "tessera_abi.h"

/* Where the image header and staged data lie in the ctl node's scratchpad. */
#define TSR_IMAGE_SPM_HEADER 0u
#define TSR_IMAGE_SPM_STAGE 4096u
#define TSR_IMAGE_STAGE_BYTES 32768u

/* Read the header of the image at HBM address `image` into the scratchpad and from there into
 * `header`. */
TSR_MUST_USE tsr_status_t tsr_image_read_header(tsr_node_t *node, uint64_t image,
                                                tsr_image_header_t *header);

/* Index of the first wrong field of a header (1..), or 0: 1 magic, 2 version, 3 total size, 4
 * segment count, 5 entry points, 16 + i segment i. A segment must lie in ITCM or DTCM below
 * `dtcm_end[target]`. */
uint32_t tsr_image_check(const tsr_image_header_t *header, const uint32_t dtcm_end[2]);

/* Sends `bytes` bytes of the scratchpad's stage to node-local offset `local` of some nodes. */
typedef tsr_status_t (*tsr_image_send_t)(void *nodes, uint32_t local, uint32_t bytes);

/* Read every segment for `target` and send it to its destination. */
TSR_MUST_USE tsr_status_t tsr_image_load(tsr_node_t *node, uint64_t image,
                                         const tsr_image_header_t *header, uint32_t target,
                                         tsr_image_send_t send, void *nodes);

#endif
