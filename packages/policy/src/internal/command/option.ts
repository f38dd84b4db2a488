/**
 * Whether a word of a command may be an option. It knows no program.
 */

/** Also an abbreviation, a value behind it, and a letter among others. */
export const isPossibly = (flag: string, arg: string | undefined): boolean =>
  arg === undefined ||
  arg === flag ||
  arg.startsWith(`${flag}=`) ||
  (flag.startsWith("--") && arg.length > 2 && flag.startsWith(arg.replace(/=.*$/s, ""))) ||
  (/^-.$/s.test(flag) && /^-[^-]/.test(arg) && arg.includes(flag.slice(1)))
