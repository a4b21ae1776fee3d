"""Files of turns, people and trials: RTTM, readable text, people.csv, trials.txt."""
