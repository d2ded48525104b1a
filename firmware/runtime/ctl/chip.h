/* SPDX-License-Identifier: Apache-2.0 */
/* The chip as the ctl runtime sees it: tiles, image, access to groups of tiles by multicast. */
#ifndef TSR_RUNTIME_CTL_CHIP_H
#define TSR_RUNTIME_CTL_CHIP_H

#include "drivers/fuse.h"
#include "drivers/sys.h"
#include "runtime/common/image.h"
#include "runtime/ctl/detour.h"

#define TSR_CHIP_MAX_RECTS 64u

/* Scratchpad of the ctl node: header at 0, words to multicast at 512, commands at 1024, completion
 * at 1536. */
#define TSR_CTL_SPM_WORDS 512u
#define TSR_CTL_SPM_COMMAND 1024u
#define TSR_CTL_SPM_COMPLETION 1536u

/* Core windows. */
#define TSR_CTL_WINDOW_TILE 1u

typedef struct {
  tsr_node_t node;
  tsr_sys_info_t info;
  tsr_links_t links;
  uint64_t dead_east, dead_south; /* dead links: of the fuses, and found since */
  uint64_t tiles;                 /* tiles in use: bit y * 8 + x */
  uint32_t cut_off;               /* 1 + number of a memory node that cannot be reached */
  uint64_t image;
  tsr_image_header_t header;
} tsr_chip_t;

/* Number of tiles of a map. */
uint32_t tsr_chip_count(uint64_t tiles);

/* Map of the nodes of a rectangle inside an 8 x 8 mesh. */
uint64_t tsr_chip_rect_map(tsr_rect_t rect);

/* Cover a map of nodes exactly with rectangles; returns how many (at most TSR_CHIP_MAX_RECTS). */
uint32_t tsr_chip_cover(uint64_t map, tsr_rect_t rects[TSR_CHIP_MAX_RECTS]);

/* Rectangles to send to all nodes of a map with: they cover it exactly. While no link is dead, as
 * few as possible; else one a node, since what goes to many nodes at once takes no detours. Returns
 * how many. */
uint32_t tsr_chip_targets(const tsr_chip_t *chip, uint64_t map,
                          tsr_rect_t rects[TSR_CHIP_MAX_RECTS]);

/* Whether tiles of `map` may multicast to any rectangle of each other. */
bool tsr_chip_together(const tsr_chip_t *chip, uint64_t map);

/* Find out what the dead links leave; drops tiles that cannot be reached.
 * @return TSR_FAILED if a memory node is cut off: chip->cut_off. */
TSR_MUST_USE tsr_status_t tsr_chip_find_links(tsr_chip_t *chip);

/* Bind the drivers and read the configuration, the fuses and the image header. The boot ROM has
 * loaded the routes. */
TSR_MUST_USE tsr_status_t tsr_chip_init(tsr_chip_t *chip, uint64_t image);

/* Write a word to node-local offset `local` of every node of `map`. */
TSR_MUST_USE tsr_status_t tsr_chip_write_all(tsr_chip_t *chip, uint64_t map, uint32_t local,
                                             uint32_t value);

/* Tell the network interfaces of all tiles of `map` their ways, if links are dead. */
TSR_MUST_USE tsr_status_t tsr_chip_route(tsr_chip_t *chip, uint64_t map);

/* Set the access windows of every tile of `map`: all of HBM and the node space for writes and
 * posts; others may write its scratchpad and post its semaphores. */
TSR_MUST_USE tsr_status_t tsr_chip_open(tsr_chip_t *chip, uint64_t map);

/* Load the image's tile segments into every tile of `map`, start the cores and wait until they
 * report idle. Tiles that do not are taken out of use and returned in `missing`. */
TSR_MUST_USE tsr_status_t tsr_chip_start(tsr_chip_t *chip, uint64_t map, uint64_t *missing);

/* Hold the cores of `map` in reset and stop their engines. Tiles whose engines do not stop are
 * taken out of use. */
TSR_MUST_USE tsr_status_t tsr_chip_stop(tsr_chip_t *chip, uint64_t map);

/* Registers of a tile through the core window. */
TSR_MUST_USE tsr_status_t tsr_chip_tile(tsr_chip_t *chip, uint32_t index, tsr_tile_t *tile);

#endif
