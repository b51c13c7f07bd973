# SPDX-License-Identifier: Apache-2.0
"""crypt: ciphers, keys and options, and what `message` does to the key."""

from .dmsetup_steps import dmsetup

OLD = ["aes-xts-plain64", "aes-xts-plain64", "aes-xts-plain64",
       "aes-cbc-essiv:sha256", "aes-cbc-plain64be", "aes-ecb", "aes",
       "aes-plain", "aes-xts", "aes-cbc-essiv", "aes-cbc-essiv:nosuch",
       "aes:2-cbc-plain64", "aes:3-cbc-plain", "aes:64-cbc-lmk",
       "aes-cbc-tcw", "aes-cbc-elephant", "aes-cbc-eboiv", "aes-xts-benbi",
       "aes-cbc-null", "aes-cbc-random", "aes-ctr-plain64", "aes-xts-nosuch",
       "cipher_null-ecb", "cipher_null-cbc-plain", "nosuch-cbc-plain",
       "aes-nosuch-plain64", "aes-gcm-random", "aes-ecb-plain64",
       "aes(x)-cbc-plain", "-", "aes-cbc-plain64:x", "aes-xts-plain"]
CAPI = ["capi:xts(aes)-plain64", "capi:cbc(aes)-essiv:sha256",
        "capi:essiv(cbc(aes),sha256)-plain64", "capi:ecb(cipher_null)-null",
        "capi:gcm(aes)-random", "capi:gcm(aes)-plain64", "capi:xts(aes)",
        "capi:ctr(aes)-plain64",
        "capi:nosuch(aes)-plain64", "capi:aes-cbc-plain", "capi:", "capi:-plain",
        "capi:cbc(aes)-eboiv", "capi:xts(ecb(aes))-plain64:x",
        "capi:rfc4106(gcm(aes))-random", "capi:aegis128-random",
        "capi:cbc(aes)-lmk"]
OPTIONS = ["allow_discards", "same_cpu_crypt", "submit_from_crypt_cpus",
           "no_read_workqueue", "no_write_workqueue", "high_priority",
           "iv_large_sectors", "sector_size:512", "sector_size:4096",
           "sector_size:1024", "sector_size:x", "integrity:28:aead",
           "integrity:32:hmac", "integrity:16:none", "integrity:8:x",
           "integrity_key_size:16", "integrity_key_size:32",
           "integrity_key_size:x", "nothing", "Allow_Discards"]


def key(p):
  """Mostly a key of aes."""
  kind = p.weighted({"hex": 20, "name": 7, "odd": 3})
  if kind == "hex":
    return p.choice(["ab", "AB", "0f"]) * p.weighted(
        {32: 8, 64: 4, 16: 3, 24: 1, 48: 1, 8: 1, 20: 1, 80: 1, 33: 1, 96: 1,
         128: 1})
  if kind == "name":
    size = p.weighted({32: 6, 64: 2, 16: 1, 0: 1, "x": 1, 600: 1})
    return f":{size}:" + p.choice([
        "logon:d:k", "user:k", "logon:d:k", "logon:no:such", "user:nosuch",
        "logon:", "encrypted:e", "trusted:t", "keyring:k", ":k", "logon", "",
        "user:k:x", "User:k"])
  return p.choice(["-", "ab" * 31 + "a", "ab" * 31 + "ax", "x", ":32", ":", "a",
                   ":32:user", "ab" * 15 + "zz" + "ab" * 16])


def keys(p):
  """Steps that make the keys that key() names.

  Always both: the guest keeps them from one case to the next.
  """
  return [{"addkey": ["logon", "d:k", p.choice([32, 32, 64, 16])]},
          {"addkey": ["user", "k", p.choice([32, 32, 64, 31])]}]


def crypt(p, devices, length):
  cipher = p.choice(OLD[:5] if p.chance(35) else OLD if p.chance(60) else CAPI)
  words = [cipher, key(p) if p.chance(60) else "ab" * p.choice([32, 32, 64, 16]),
           str(p.choice([0, 0, 1, 8])), p.choice(devices),
           str(p.choice([0, 0, 8, 1]))]
  if p.chance(45):
    options = [p.choice(OPTIONS) for _ in range(p.weighted(
        {1: 6, 2: 4, 3: 3, 0: 1, 6: 1, 8: 1, 9: 1, 10: 1}))]
    words += [str(len(options) + p.weighted({0: 30, 1: 1, -1: 1}))] + options
  return words


def messages(p):
  steps = [dmsetup("suspend", "d0")] if p.chance(85) else []
  for _ in range(p.randint(1, 3)):
    steps.append(dmsetup("message", "d0", "0", *p.choice([
        ["key", "set", key(p)], ["key", "set", key(p)], ["key", "wipe"],
        ["key"], ["key", "nosuch"], ["nosuch"], ["KEY", "Wipe"],
        ["key", "set"], ["key", "set", "ab" * 32, "x"]])))
    if p.chance(50):
      steps.append(dmsetup("table", "--showkeys", "d0"))
  return steps + [dmsetup("resume", "d0"), dmsetup("table", "--showkeys", "d0")]
