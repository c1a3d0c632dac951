import { errors } from '../../../../matrix/errors.ts'

/** What people are told of recordings that are not taken. */
export const faults = {
  empty: () => errors.invalidParam('The recording is empty'),
  tooShort: () => errors.invalidParam('The recording is too short'),
  tooLong: (maxLengthMs: number) =>
    errors.invalidParam(`The recording is longer than ${Math.round(maxLengthMs / 100) / 10} seconds`),
  unreadable: () => errors.invalidParam('This is not a recording that can be read'),
  noSound: () => errors.invalidParam('There is no sound in the recording'),
  noPicture: () => errors.invalidParam('There is no picture in the recording'),
  cannotConvert: () => errors.invalidParam('This server cannot convert recordings of this kind'),
}
