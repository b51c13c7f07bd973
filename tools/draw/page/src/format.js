// SPDX-License-Identifier: Apache-2.0
// Numbers in words.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

// "1280 KiB": in the largest unit that divides it, as dmdax prints sizes.
export function bytesText(bytes) {
  let unit = 0;
  while (unit < UNITS.length - 1 && bytes !== 0 && bytes % 1024 === 0) {
    bytes /= 1024;
    ++unit;
  }
  return `${bytes} ${UNITS[unit]}`;
}

// "1.4 TiB": in about three digits.
export function aboutText(bytes) {
  let unit = 0;
  while (unit < UNITS.length - 1 && bytes >= 1024) {
    bytes /= 1024;
    ++unit;
  }
  return `${Number(bytes.toPrecision(3))} ${UNITS[unit]}`;
}

export function hex(number) {
  return `0x${Math.floor(number).toString(16)}`;
}
