/**
 * Finds out whether a word of a command may be an option. It knows no program.
 */

/** Whether an argument may be the flag. This includes abbreviations, a value after `=`, and a letter of a cluster. */
export const isPossibly = (flag: string, arg: string | undefined): boolean =>
  arg === undefined ||
  arg === flag ||
  arg.startsWith(`${flag}=`) ||
  (flag.startsWith("--") && arg.length > 2 && flag.startsWith(arg.replace(/=.*$/s, ""))) ||
  (/^-.$/s.test(flag) && /^-[^-]/.test(arg) && arg.includes(flag.slice(1)))
