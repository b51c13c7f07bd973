# SPDX-License-Identifier: Apache-2.0
"""Function graphs of one touch of a random case."""

from .. import fsdax_case

# Below these nothing is modelled.
PRUNE = ["ext4_ext_map_blocks", "ext4_dirty_inode", "ext4_mark_iloc_dirty",
         "__ext4_journal_start_sb", "__ext4_journal_stop", "jbd2_journal_stop",
         "jbd2__journal_start", "__ext4_mark_inode_dirty", "ext4_mb_new_blocks",
         "ext4_ext_insert_extent", "ext4_split_extent",
         "ext4_ext_handle_unwritten_extents", "__cond_resched",
         "kmem_cache_alloc", "kmem_cache_free", "__kmem_cache_alloc_node",
         "kfree", "__kmalloc", "mem_cgroup_from_task", "__count_memcg_events",
         "_raw_spin_lock", "_raw_spin_unlock", "__rcu_read_lock",
         "__rcu_read_unlock", "_raw_spin_lock_irq", "_raw_spin_unlock_irq",
         "xfs_trans_alloc", "xfs_trans_commit", "xfs_bmapi_write",
         "xfs_ilock", "xfs_iunlock", "file_update_time"]


def case(p):
  made = fsdax_case.case(p)
  made["maps"] = made["maps"][:1]
  mapping = made["maps"][0]
  touches = [t for t in mapping["touch"] if t[:2] in ("r@", "w@")]
  touches = touches[:p.randint(1, 3)] or ["r@0"]
  touches[-1] = "t" + touches[-1]
  mapping.update(touch=touches, prune=PRUNE, graph=[p.choice(
      ["handle_mm_fault", "handle_mm_fault", "dax_iomap_fault",
       "dm_dax_direct_access"])])
  return {"kind": "trace", **made}
