/** The last moment that a date can be (ECMA-262, 21.4.1.1), in milliseconds since 1970: what is later is taken for never. */
export const lastMoment = 8.64e15
